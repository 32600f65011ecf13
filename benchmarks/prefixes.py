"""How fast a run reads a bucket that limits the requests per second for each prefix, by the order of its parts.

    python benchmarks/prefixes.py [--actors 1000] [--limit 5500] [--tracks 600000] [--prefixes 20] [--scale 5]

Virtual time: actors read tracks one after the other, each in three requests of 30 ms, and then compute for 60 ms. The
server refuses what exceeds the limit of a prefix in a second. The parts come in the order of the listing or strided, as
the run loop takes them; requests are retried as botocore does, with and without the paces of `storage/pace.py`. Actors
and limit are divided by `--scale`, to save time, and the rates multiplied by it. Prints one JSON object: tracks per
second, in all and until nine tenths of them are read, the share of refused requests, and how many of a million requests
were refused five times in a row, when botocore gives up.
"""

import argparse
import heapq
import json
import random
from collections import Counter, deque
from collections.abc import Iterator
from dataclasses import dataclass, field

from genre_batch.catalog.work_units import UncutPart, plan_parts, strided
from genre_batch.engine.run_loop import suitable_lanes
from genre_batch.storage.pace import Pace

REQUESTS, REQUEST_S, REFUSAL_S, COMPUTE_S = 3, 0.03, 0.01, 0.06
PART_TRACKS, BATCH_TRACKS = 4096, 64
MOST_WAIT_S, ATTEMPTS = 20.0, 5


@dataclass(slots=True)
class Actor:
    """One extract actor. tracks: those of its batch that are left. requests: those of the current track."""

    tracks: deque[int] = field(default_factory=deque)
    requests: int = 0
    attempts: int = 0
    paces: dict[int, Pace] = field(default_factory=dict)


@dataclass
class Bucket:
    """A server that answers `limit` requests a second for each prefix, and refuses the others."""

    limit: float
    answered: Counter[tuple[int, int]] = field(default_factory=Counter)
    requests: int = 0
    refused: int = 0

    def answers(self, prefix: int, now_s: float) -> bool:
        """Whether it answers a request at this time."""
        self.requests += 1
        second = prefix, int(now_s)
        if self.answered[second] >= self.limit:
            self.refused += 1
            return False
        self.answered[second] += 1
        return True


def batches(tracks: int, lanes: int) -> Iterator[range]:
    """The batches of all parts, in the order in which a run loop with `lanes` parts at once sends them."""
    waiting = deque(strided(list(plan_parts(tracks, PART_TRACKS)), lanes))
    begun: deque[UncutPart] = deque()
    while waiting or begun:
        while waiting and len(begun) < lanes:
            begun.append(UncutPart(waiting.popleft()))
        part = begun.popleft()
        batch = part.take(BATCH_TRACKS)
        yield range(batch.start, batch.stop)
        if not part.is_empty:
            begun.append(part)


def play(tracks: int, prefixes: int, actors: int, limit: float, *, lanes: int, paced: bool) -> dict[str, float]:
    """Read all tracks, and return the figures."""
    bucket, chance, left = Bucket(limit), random.Random(1), batches(tracks, lanes)
    upcoming = [(chance.random() * 0.1, number) for number in range(actors)]
    crew = [Actor() for _ in range(actors)]
    heapq.heapify(upcoming)
    done, given_up, now_s, most_s = 0, 0, 0.0, 0.0
    while upcoming:
        now_s, number = heapq.heappop(upcoming)
        actor = crew[number]
        if not actor.tracks:
            actor.tracks = deque(next(left, range(0)))
            if not actor.tracks:
                continue
        prefix = actor.tracks[0] * prefixes // tracks
        pace = actor.paces.setdefault(prefix, Pace(now_s)) if paced else None
        sent_s = now_s + (pace.wait_s(now_s) if pace else 0.0)
        if not bucket.answers(prefix, sent_s):
            if pace:
                pace.refused(sent_s)
            actor.attempts += 1
            given_up += actor.attempts == ATTEMPTS
            wait_s = min(MOST_WAIT_S, chance.random() * 2.0**actor.attempts)
            heapq.heappush(upcoming, (sent_s + REFUSAL_S + wait_s, number))
            continue
        if pace:
            pace.served(sent_s)
        actor.attempts, actor.requests = 0, actor.requests + 1
        next_s = sent_s + REQUEST_S
        if actor.requests == REQUESTS:
            actor.requests, next_s = 0, next_s + COMPUTE_S
            actor.tracks.popleft()
            done += 1
            if done == tracks * 9 // 10:
                most_s = now_s
        heapq.heappush(upcoming, (next_s, number))
    return {
        "tracks_per_s": tracks / now_s,
        "tracks_per_s_of_nine_tenths": tracks * 0.9 / most_s,
        "refused": round(bucket.refused / bucket.requests, 4),
        "given_up_of_a_million": round(1e6 * given_up / (REQUESTS * tracks)),
    }


def main(given: argparse.Namespace) -> None:
    """Play each order with and without paces, and without a limit."""
    actors, limit = given.actors // given.scale, given.limit / given.scale
    lanes = suitable_lanes(given.actors)
    cases = {"no limit": (lanes, True, 1e9)}
    cases |= {
        f"{'strided' if count > 1 else 'listing order'}, {'paced' if paced else 'retries alone'}": (count, paced, limit)
        for count in (1, lanes)
        for paced in (False, True)
    }
    found = {}
    for name, (count, paced, most) in cases.items():
        figures = play(given.tracks, given.prefixes, actors, most, lanes=count, paced=paced)
        rates = {key: round(value * given.scale) for key, value in figures.items() if "per_s" in key}
        found[name] = figures | rates
    print(json.dumps({"lanes": lanes} | found, indent=1))


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--actors", type=int, default=1000)
    parser.add_argument("--limit", type=float, default=5500.0)
    parser.add_argument("--tracks", type=int, default=600_000)
    parser.add_argument("--prefixes", type=int, default=20)
    parser.add_argument("--scale", type=int, default=5)
    main(parser.parse_args())
