"""The coordinator in virtual time: a fleet of machines on a huge catalog, or seeded fault schedules.

    python benchmarks/simulate.py [--tracks 100000000] [--actors 1000] [--predictors 250] [--part-tracks 1024]
                                  [--batch-tracks 256]
    python benchmarks/simulate.py --seeds 10000 [--from 0]
    python benchmarks/simulate.py --replay 1234 --trace

Prints one JSON object: the figures of the fleet, or totals over the seeds. `--trace` prints each event and command on
stderr.
"""

import argparse
import json
import resource
import sys
import time
from collections import Counter
from dataclasses import asdict
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1] / "tests"))

from simulation.fleet import Workload
from simulation.fleet_run import run_fleet
from simulation.seeded_run import run_seed


def trace(at_s: float, what: str) -> None:
    """One line of a replay."""
    sys.stderr.write(f"{at_s:10.3f} s  {what}\n")


def seeds(first: int, count: int, *, traced: bool) -> dict[str, object]:
    """The totals over `count` seeds."""
    start_s = time.process_time()
    passed = [run_seed(seed, trace=trace if traced else None) for seed in range(first, first + count)]
    return {
        "seeds": count,
        "tracks": sum(run.tracks for run in passed),
        "given_up": sum(run.given_up for run in passed),
        "put_off": sum(run.put_off for run in passed),
        "driver_deaths": sum(run.deaths for run in passed),
        "events": dict(sum((run.events for run in passed), Counter[str]())),
        "virtual_s": round(sum(run.took_s for run in passed)),
        "cpu_s": round(time.process_time() - start_s, 1),
    }


def fleet(given: argparse.Namespace) -> dict[str, object]:
    """The figures of a fleet and the peak memory of this process."""
    predictors = given.predictors or -(-given.actors // 4)
    workload = Workload(part_tracks=given.part_tracks, most_batch_tracks=given.batch_tracks)
    figures = asdict(run_fleet(given.tracks, given.actors, predictors, given.seed, workload))
    peak_mb = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    sizes = {"part_tracks": given.part_tracks, "most_batch_tracks": given.batch_tracks or workload.batch_tracks}
    return figures | sizes | {"simulation_peak_mb": round(peak_mb, 1)}


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--tracks", type=int, default=100_000_000)
    parser.add_argument("--actors", type=int, default=1000, help="extract actors")
    parser.add_argument("--predictors", type=int, default=0, help="predict actors; default: a quarter of the others")
    parser.add_argument("--part-tracks", type=int, default=1024)
    parser.add_argument("--batch-tracks", type=int, default=0, help="batches adapt up to this size; 0: 32 tracks each")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--seeds", type=int, default=0, help="number of seeded fault schedules to run")
    parser.add_argument("--from", type=int, default=0, dest="first", help="the first seed")
    parser.add_argument("--replay", type=int, default=None, metavar="SEED", help="run only this seed")
    parser.add_argument("--trace", action="store_true", help="print each event and command")
    options = parser.parse_args()
    if options.replay is not None:
        figures = seeds(options.replay, 1, traced=options.trace)
    elif options.seeds:
        figures = seeds(options.first, options.seeds, traced=options.trace)
    else:
        figures = fleet(options)
    print(json.dumps(figures, indent=1))
