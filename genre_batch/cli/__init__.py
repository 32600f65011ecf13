"""`genre-batch VERB`: settings in, report out. Reports go to stdout, everything else to stderr."""
