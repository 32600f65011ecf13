"""Converters of published pretrained weights to the arrays that the networks here load."""
