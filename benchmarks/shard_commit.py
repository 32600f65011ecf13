"""The cost of committing one large shard: staging its parts, then joining them to its file.

    python benchmarks/shard_commit.py [--tracks 524288] [--part-tracks 16384]

Prints one JSON object: CPU time, the growth of this process's peak resident memory, and the size of the file. The
outcomes are synthetic but shaped like real ones: keys of 50 characters, random etags, ten genres per track.
"""

import argparse
import json
import resource
import secrets
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

import numpy as np
from replan import GENRES, make_plan

from genre_batch.catalog.track import Track, TrackFacts
from genre_batch.catalog.work_units import Part
from genre_batch.model.scores import Score
from genre_batch.sink.ledger import Ledger
from genre_batch.sink.part_ledger import PartLedger
from genre_batch.sink.schema import ScoredTrack
from genre_batch.storage.local import LocalStore


def outcomes(part: Part, random: np.random.Generator) -> Iterator[ScoredTrack]:
    """A score for each track of a part."""
    for row in range(part.start, part.stop):
        uri = f"s3://catalog/music/{row // 1000:06d}/track-{row:012d}.mp3"
        values = np.sort(random.dirichlet(np.full(len(GENRES), 0.3)))[::-1].astype(np.float32)
        names = random.permutation(len(GENRES))
        top_k = tuple((GENRES[n], float(p)) for n, p in zip(names, values, strict=True))
        score = Score(top_k[0][0], top_k[0][1], top_k, False, 10)
        yield ScoredTrack(
            Track(uri, uri, secrets.token_hex(16), 4_000_000 + row), TrackFacts(240.0, 60.0, "libav", 44_100, 2), score
        )


def measure(tracks: int, part_tracks: int) -> dict[str, float]:
    """Commit a shard of `tracks` tracks in a new folder."""
    store, random = LocalStore(), np.random.default_rng(0)
    with tempfile.TemporaryDirectory() as output:
        plan = make_plan(output, tracks, shard_tracks=tracks).model_copy(update={"part_tracks": part_tracks})
        ledger = PartLedger(store, output, plan, Ledger(store, output, plan))
        left, cpu_s, before_kb = ledger.left(), 0.0, resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
        for part in left:
            rows = list(outcomes(part, random))
            start_s = time.process_time()
            ledger.commit(part, rows, [])
            cpu_s += time.process_time() - start_s
        (file,) = Path(output).glob("scores/**/*.parquet")
        size_bytes = file.stat().st_size
    peak_kb = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return {
        "tracks": tracks,
        "parts": len(left),
        "file_mb": round(size_bytes / 1e6, 1),
        "bytes_a_row": round(size_bytes / tracks, 1),
        "cpu_us_a_track": round(1e6 * cpu_s / tracks, 1),
        "peak_mb_more": round((peak_kb - before_kb) / 1024, 1),
    }


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--tracks", type=int, default=524_288)
    parser.add_argument("--part-tracks", type=int, default=16_384)
    given = parser.parse_args()
    print(json.dumps(measure(given.tracks, given.part_tracks), indent=1))
