"""Classifiers that are no networks: fitted, saved without pickle, and loaded again."""
