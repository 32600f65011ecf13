"""Score a catalog as a Ray job.

ray job submit --working-dir . -- python jobs/score.py --config configs/score/nightly.yaml
"""

import sys

from genre_batch.__main__ import main

if __name__ == "__main__":
    main(["score", *sys.argv[1:]])
