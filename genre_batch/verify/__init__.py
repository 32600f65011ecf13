"""An output held against its own records: checked, mended, and cleared of what nothing names."""
