from empty_table import table  # noqa: F401
