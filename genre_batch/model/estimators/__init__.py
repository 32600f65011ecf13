"""Classifiers other than networks: fitted in one step, saved without pickle."""
