"""A driver that is killed: `python killed_driver.py OUTPUT WRITES` runs `drive` and sends itself SIGKILL.

It dies when it is about to do its next writing operation after WRITES of them, so without a chance to clean up.
"""

import os
import signal
import sys
from typing import Any

from sink.drive import drive, seventh_is_bad
from sink.shard_rows import PLANNED_AT, make_tracks

from genre_batch.storage.open_store import open_store
from genre_batch.storage.store import Store

TRACKS = 9
WRITING = frozenset({"write", "create", "replace", "delete"})


class DeadlyStore:
    """A store that kills this process instead of its writing operation number `writes` (from 0)."""

    def __init__(self, store: Store, writes: int) -> None:
        self._store, self._left = store, writes

    def __getattr__(self, name: str) -> Any:
        if name in WRITING:
            if self._left == 0:
                os.kill(os.getpid(), signal.SIGKILL)
            self._left -= 1
        return getattr(self._store, name)


if __name__ == "__main__":
    output, writes = sys.argv[1], int(sys.argv[2])
    store: Any = DeadlyStore(open_store(output), writes)
    drive(store, output, make_tracks(TRACKS), seventh_is_bad, PLANNED_AT, iter([b"\0\0\1"]))
