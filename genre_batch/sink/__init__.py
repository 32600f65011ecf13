"""From scores to a table: schemas by version, Parquet files, the ledger of committed shards."""
