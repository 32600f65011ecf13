"""`genre-batch` with a line on stderr for each lost actor, call and block: `python driver.py score ...`."""

import logging
import sys

from genre_batch.cli.app import main

if __name__ == "__main__":
    logging.basicConfig(stream=sys.stderr, format="%(message)s")
    logging.getLogger("genre_batch.engine").setLevel(logging.INFO)
    main()
