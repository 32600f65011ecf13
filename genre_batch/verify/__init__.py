"""Checks of an output against its own records, repair of what is damaged, and removal of what nothing names."""
