"""Collect the garbage of an output as a Ray job.

ray job submit --working-dir . -- python jobs/gc.py s3://bucket/genres --delete
"""

import sys

from genre_batch.__main__ import main

if __name__ == "__main__":
    main(["gc", *sys.argv[1:]])
