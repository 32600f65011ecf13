"""Write the page of a catalog, a run or a track as a Ray job; the page is written on the machine that runs the job.

ray job submit --working-dir . -- python jobs/report.py --config configs/report/run.yaml
"""

import sys

from genre_batch.__main__ import main

if __name__ == "__main__":
    main(["report", *sys.argv[1:]])
