"""The two stages of the flows in tests."""

from enum import IntEnum

from genre_batch.catalog.work_units import Batch
from genre_batch.schedule.events import Send

NAMES = ("extract", "predict")


class Role(IntEnum):
    """A stage, as its position in the flow."""

    EXTRACT = 0
    PREDICT = 1


def to_extract(call: int, actor: int, batch: Batch) -> Send:
    """The command that asks an extract actor for the block of a batch."""
    return Send(call, actor, Role.EXTRACT, batch, None)


def to_predict(call: int, actor: int, batch: Batch, block: int) -> Send:
    """The command that asks a predict actor to work on the block that an earlier call returned."""
    return Send(call, actor, Role.PREDICT, batch, block)
