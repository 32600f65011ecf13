"""Write the listing of a catalog as a Ray job.

ray job submit --working-dir . -- python jobs/index.py --config configs/index/catalog.yaml
"""

import sys

from genre_batch.__main__ import main

if __name__ == "__main__":
    main(["index", *sys.argv[1:]])
