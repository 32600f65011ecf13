"""A finished run with hostile genres, abstained tracks and rejects."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
from sink.shard_rows import make_plan, make_tracks, reject, score

from genre_batch.catalog.reject import RejectReason
from genre_batch.sink.finish import RunManifest, finish
from genre_batch.sink.ledger import Ledger
from genre_batch.storage.local import LocalStore

GENRES = ("jazz", "<script>alert(1)</script>", "\x00\x1b[31m", None)


def finished_run(output: Path, tracks: int = 40, genres: Sequence[str | None] = GENRES) -> RunManifest:
    """A run whose every tenth track is rejected; confidences and genres of the others vary."""
    store, plan = LocalStore(), make_plan(tracks, shard_tracks=16)
    confidence = np.random.default_rng(0).random(tracks)
    listed = make_tracks(tracks)
    outcomes = [
        reject(track, (RejectReason.SILENT, RejectReason.CORRUPT)[number % 20 == 0])
        if number % 10 == 0
        else score(track, genres[number % len(genres)], float(np.float32(confidence[number])))
        for number, track in enumerate(listed)
    ]
    ledger = Ledger(store, str(output), plan)
    for shard in range(plan.shards):
        cut = range(shard * 16, min(tracks, shard * 16 + 16))
        scored = [outcomes[number] for number in cut if number % 10]
        ledger.commit(shard, scored, [outcomes[number] for number in cut if number % 10 == 0])
    return finish(store, str(output), plan, ledger.records())
