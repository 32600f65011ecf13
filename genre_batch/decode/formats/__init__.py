"""The audio formats that can be decoded: everything specific to a format is in one module, which defines FORMATS."""
