"""Genre labels with an honest confidence for a whole music catalog. Start reading at `pipeline.py`."""
