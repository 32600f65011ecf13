"""Objects behind a URI: list, ranged reads pinned to an etag, whole and conditional writes (S3 or a local folder)."""
