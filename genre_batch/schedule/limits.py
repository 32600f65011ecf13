"""How much of a run may be under way at once, and how often its work is tried again."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Limits:
    """How much may be under way. `calls_per_actor` of 2 keeps an actor busy while its answer travels.

    batch_tracks: tracks in a batch at most, until `BatchesOf` changes it. blocks_per_actor: how many blocks may wait
    for a stage, per actor of it. attempts: how often a batch, and then each of its tracks, may break the actor that
    works on it. machines: how many of them may be lost while they work on it; see docs/reliability.md. parts_at_once:
    how many parts have batches to send, which they do in turn. commits: parts being written. While storage is too slow
    for more, no new part is started, so that finished rows do not pile up in the driver.
    """

    batch_tracks: int = 32
    calls_per_actor: int = 2
    blocks_per_actor: int = 4
    attempts: int = 2
    machines: int = 8
    parts_at_once: int = 1
    commits: int = 16
