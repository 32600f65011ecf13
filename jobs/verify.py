"""Check the output of a run as a Ray job, or repair it.

ray job submit --working-dir . -- python jobs/verify.py s3://bucket/genres --repair
"""

import sys

from genre_batch.__main__ import main

if __name__ == "__main__":
    main(["verify", *sys.argv[1:]])
