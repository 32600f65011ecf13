"""Write the page of a run, or of one track, as a Ray job; the page lands on the machine that the job runs on.

ray job submit --working-dir . -- python jobs/report.py --config configs/report/run.yaml
"""

import sys

from genre_batch.cli import main

if __name__ == "__main__":
    main(["report", *sys.argv[1:]])
