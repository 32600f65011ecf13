"""Which tracks to label: tracks, catalogs, the frozen listing and its shards."""
