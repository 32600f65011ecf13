"""A first run on a fresh machine: a synthesised catalog on a local S3 server."""
