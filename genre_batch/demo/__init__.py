"""A catalog that the project synthesises, on an S3 server on loopback, for a first run on a fresh machine."""
