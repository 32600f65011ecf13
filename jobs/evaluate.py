"""Measure a model bundle on labelled tracks as a Ray job.

ray job submit --working-dir . -- python jobs/evaluate.py --config configs/evaluate/labelled.yaml
"""

import sys

from genre_batch.__main__ import main

if __name__ == "__main__":
    main(["evaluate", *sys.argv[1:]])
