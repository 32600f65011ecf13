"""What the metrics of a run cost the driver for each batch, with Ray's metrics on.

    python benchmarks/telemetry.py [BATCHES]

Prints one JSON object: CPU microseconds a batch of 32 tracks in two stages, and the share of the 2.4 CPU-ms that a
batch costs the driver in all.
"""

import json
import sys
import time

import ray

from genre_batch.catalog.reject import Reject, RejectReason, RejectStage
from genre_batch.engine.run_metrics import RayRecorder
from genre_batch.engine.telemetry import RunLabels, Standing, Telemetry
from genre_batch.stages.stage import PoolSize, Stage, StageReport

BATCH_TRACKS, BATCH_CPU_S, LOOK_EVERY = 32, 2.4e-3, 100
GONE = Reject(RejectReason.GONE, RejectStage.READ, "")


def main(batches: int) -> None:
    """Measure `batches` batches and print what one cost."""
    ray.init(address="local", num_cpus=1, include_dashboard=False, log_to_driver=False)
    stages = [Stage(name, object, (), PoolSize(), RejectStage.DECODE) for name in ("extract", "predict")]
    run = Telemetry(stages, RunLabels("benchmark"), batches * BATCH_TRACKS, RayRecorder("benchmark"))
    report = StageReport((), 1.0, 1_000_000, 64, (("GetObject", "206", 64), ("GetObject", "503", 1)))
    rejects = [*[None] * (BATCH_TRACKS - 1), GONE]
    standing = Standing([2, 1], [2, 1], [2, 1], {}, {"calls": 4, "blocks": 2})
    start_s = time.thread_time()
    for batch in range(batches):
        for stage in range(2):
            run.sent(batch)
            run.returned(batch, stage, report)
        run.done(rejects)
        # far more often than every 5 s
        run.look(lambda: standing, {}, last=batch % LOOK_EVERY == 0)
    spent_s = (time.thread_time() - start_s) / batches
    ray.shutdown()
    print(json.dumps({"microseconds_a_batch": round(spent_s * 1e6, 1), "share": round(spent_s / BATCH_CPU_S, 4)}))


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 20_000)
