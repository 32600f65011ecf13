"""Write the descriptors of a catalog as a Ray job.

ray job submit --working-dir . -- python jobs/features.py --config configs/features/descriptors.yaml
"""

import sys

from genre_batch.__main__ import main

if __name__ == "__main__":
    main(["features", *sys.argv[1:]])
