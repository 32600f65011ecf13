"""Rounds of real faults on a Ray cluster of several machines: nothing lost, nothing twice?

    python benchmarks/chaos.py [--rounds 200] [--tracks 300] [--minutes 30]
    python benchmarks/chaos.py --seed 17

Every round is a whole run of `genre-batch score` while workers, machines, links and the driver are struck at moments
that its seed decides; its table is compared with that of a run without a fault. The machines are network namespaces
where this process may make them, else processes that are stopped. Prints one JSON object; each round on stderr.
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
    """The sums of a campaign, for people and programs."""
    return {
        "links": links,
        "rounds": tally.rounds,
        "tracks": tally.tracks,
        "faults": dict(tally.faults),
        "faults_without_a_victim": tally.missed,
        "heard": dict(tally.heard),
        "driver_starts": tally.driver_starts,
        "lost": tally.lost,
        "doubled": tally.doubled,
        "differing": tally.differing,
        "false_rejects": tally.false_rejects,
        "damage": tally.damage,
        "failures": tally.failures,
        "calm_s": [round(each, 1) for each in tally.calm_s],
        "slow_down": round(tally.slow_down, 2),
    }


def table(found: dict[str, object]) -> str:
    """The figures as rows of Markdown, one a line; kinds of one thing, and times, side by side."""
    rows = ["| figure | measured |", "|---|---|"]
    for name, value in found.items():
        kinds = [f"{count} {kind}" for kind, count in sorted(value.items())] if isinstance(value, dict) else []
        rows.append(f"| {name.replace('_', ' ')} | {', '.join(kinds) or value} |")
    return "\n".join(rows)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=200)
    parser.add_argument("--from", type=int, default=0, dest="first", help="the first seed")
    parser.add_argument("--seed", type=int, default=None, help="run one round, the one of this seed")
    parser.add_argument("--tracks", type=int, default=300)
    parser.add_argument("--minutes", type=float, default=math.inf, help="begin no round after so many")
    parser.add_argument("--without-namespaces", action="store_true")
    options = parser.parse_args()
    # so that the cluster is ended as after an exception
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
