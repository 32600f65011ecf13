"""Make a bundle of a model that was trained elsewhere, as a Ray job.

ray job submit --working-dir . -- python jobs/adopt.py --config configs/adopt/onnx.yaml
"""

import sys

from genre_batch.cli import main

if __name__ == "__main__":
    main(["adopt", *sys.argv[1:]])
