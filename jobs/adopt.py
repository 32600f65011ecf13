"""Turn a model that was trained elsewhere into a bundle, as a Ray job.

ray job submit --working-dir . -- python jobs/adopt.py --config configs/adopt/onnx.yaml
"""

import sys

from genre_batch.__main__ import main

if __name__ == "__main__":
    main(["adopt", *sys.argv[1:]])
