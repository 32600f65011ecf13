"""Handles untrusted bytes in a disposable child process. Knows nothing about audio."""
