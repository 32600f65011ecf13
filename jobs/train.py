"""Train a model bundle as a Ray job.

ray job submit --working-dir . -- python jobs/train.py LABELLED OUTPUT --config configs/train/short_cnn.yaml
"""

import sys

from genre_batch.__main__ import main

if __name__ == "__main__":
    main(["train", *sys.argv[1:]])
