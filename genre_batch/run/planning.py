"""Which run this is: an unfinished one that is resumed, or a new one whose listing is frozen before any work."""

import hashlib
import secrets
import subprocess
from collections.abc import Iterator
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path

from genre_batch.catalog.listing import write_listing
from genre_batch.catalog.source import list_tracks
from genre_batch.catalog.track import Track
from genre_batch.config import ScoreConfig, dump
from genre_batch.errors import UserError
from genre_batch.model.bundle import Bundle
from genre_batch.run.progress import Progress, shown
from genre_batch.sink import layout
from genre_batch.sink.history import already_scored, new_tracks
from genre_batch.sink.plan import RunPlan, next_planning_time
from genre_batch.sink.run_facts import make_run_id
from genre_batch.sink.turn import publish, take_turn
from genre_batch.storage.open_store import as_folder
from genre_batch.storage.store import Store

_LIBRARIES = ("genre-batch", "ray", "torch", "numpy", "scipy", "soundfile", "av", "soxr", "pyarrow")
_LOST_TURNS = 10


def resume_or_plan(config: ScoreConfig, bundle: Bundle, store: Store) -> tuple[RunPlan, bool]:
    """The plan to carry out, and whether it is an unfinished run's.

    A plan with 0 tracks is not written anywhere: there is nothing to do. Raises UserError for a source that cannot be
    listed or has no track.
    """
    for _ in range(_LOST_TURNS):
        turn = take_turn(
            store, config.output, source=config.source, model_id=bundle.model_id, fingerprint=bundle.fingerprint
        )
        if turn.unfinished is not None:
            return turn.unfinished, True
        plan = _plan(config, bundle, store)
        if plan.tracks == 0 or publish(store, config.output, plan, turn):
            return plan, False
    raise UserError("other runs over this source keep starting", "let one of them finish, then start again")


def listing_folder(output: str, run_id: str) -> str:
    """Where the frozen listing of a run lies."""
    return layout.at(output, layout.run_path(run_id, "listing/"))


def unscored(config: ScoreConfig, bundle: Bundle, store: Store, listed: Progress) -> Iterator[Track]:
    """The tracks of the source that have no outcome with this model yet, in listing order; `listed` counts all.

    Objects below the output are not tracks, so that a table may lie in the bucket it is about.
    """
    own = as_folder(config.output)
    done = already_scored(store, config.output, bundle.model_id, bundle.fingerprint)
    with shown(Progress("listing")) as progress:
        tracks = (track for track in list_tracks(config.source, progress.update) if not track.uri.startswith(own))
        yield from new_tracks(listed.counted(tracks), done)


def _plan(config: ScoreConfig, bundle: Bundle, store: Store) -> RunPlan:
    planned_at = next_planning_time(store, config.output, datetime.now(UTC))
    run_id = make_run_id(planned_at, secrets.token_bytes(3))
    listed = Progress("listed")
    listing = write_listing(unscored(config, bundle, store, listed), store, listing_folder(config.output, run_id))
    if listing.tracks:
        store.write(layout.at(config.output, layout.run_path(run_id, "config.yaml")), dump(config).encode())
    return RunPlan(
        run_id=run_id,
        model_id=bundle.model_id,
        fingerprint=bundle.fingerprint,
        planned_at=planned_at,
        git_sha=_git_sha(),
        config_sha256=hashlib.sha256(dump(config).encode()).hexdigest(),
        versions={name: version(name) for name in _LIBRARIES},
        source=config.source,
        shard_tracks=config.shard_tracks,
        listed=listed.tracks,
        skipped=listed.tracks - listing.tracks,
        tracks=listing.tracks,
        size_bytes=listing.size_bytes,
    )


def _git_sha() -> str:
    """The commit of the checkout this runs from; empty for an installed package."""
    command = ["git", "-C", str(Path(__file__).parent), "rev-parse", "HEAD"]
    try:
        return subprocess.run(command, capture_output=True, text=True, check=True, timeout=10).stdout.strip()
    except (OSError, subprocess.SubprocessError):
        return ""
