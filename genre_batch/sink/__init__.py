"""From scores to a table: schema, Parquet files, the ledger of committed shards."""
