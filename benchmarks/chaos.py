"""Rounds of real faults on a Ray cluster of several machines: is any track lost or scored twice?

    python benchmarks/chaos.py [--rounds 200] [--tracks 300] [--minutes 30]
    python benchmarks/chaos.py --seed 17

Every round is a complete run of `genre-batch score`, during which workers, machines, links and the driver fail at times
set by the round's seed. Its table is compared with that of a run without faults. The machines are network namespaces if
this process may create them, else processes that are stopped. Prints one JSON object, and each round on stderr.
"""

import argparse
import json
import math
import signal
import sys
import tempfile
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
sys.path[:1] = [str(ROOT), str(ROOT / "tests")]

from chaos.campaign import Campaign, Tally  # noqa: E402
from chaos.network import enter_namespaces, network  # noqa: E402


def figures(tally: Tally, links: str) -> dict[str, object]:
    """The totals of a campaign."""
    return {
        "links": links,
        "rounds": tally.rounds,
        "tracks": tally.tracks,
        "faults": dict(tally.faults),
        "faults_without_a_victim": tally.missed,
        "events": dict(tally.events),
        "driver_starts": tally.driver_starts,
        "lost": tally.lost,
        "doubled": tally.doubled,
        "differing": tally.differing,
        "false_rejects": tally.false_rejects,
        "damage": tally.damage,
        "failures": tally.failures,
        "quiet_s": [round(each, 1) for each in tally.quiet_s],
        "slow_down": round(tally.slow_down, 2),
    }


def table(found: dict[str, object]) -> str:
    """The figures as a Markdown table with one row per figure."""
    rows = ["| figure | measured |", "|---|---|"]
    for name, value in found.items():
        kinds = [f"{count} {kind}" for kind, count in sorted(value.items())] if isinstance(value, dict) else []
        rows.append(f"| {name.replace('_', ' ')} | {', '.join(kinds) or value} |")
    return "\n".join(rows)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=200)
    parser.add_argument("--from", type=int, default=0, dest="first", help="the first seed")
    parser.add_argument("--seed", type=int, default=None, help="run only the round of this seed")
    parser.add_argument("--tracks", type=int, default=300)
    parser.add_argument("--minutes", type=float, default=math.inf, help="start no round after this many minutes")
    parser.add_argument("--without-namespaces", action="store_true", help="stop processes instead of cutting links")
    options = parser.parse_args()
    # SIGTERM then stops the cluster, as any exception does
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    if not options.without_namespaces:
        enter_namespaces()
    seeds = range(options.first, options.first + options.rounds)
    if options.seed is not None:
        seeds = range(options.seed, options.seed + 1)
    with tempfile.TemporaryDirectory(prefix="chaos-") as folder:
        links = network()
        tally = Campaign(Path(folder), links, options.tracks).run(seeds, options.minutes * 60)
    found = figures(tally, links.name)
    sys.stderr.write(table(found) + "\n")
    print(json.dumps(found, indent=1))
    sys.exit(1 if tally.failures or tally.lost or tally.doubled or tally.differing or tally.damage else 0)
