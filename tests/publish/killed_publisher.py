"""A publisher that is killed: `python killed_publisher.py OUTPUT WRITES` publishes, two rows a file, until it dies.

It sends itself SIGKILL when it is about to do its next writing operation after WRITES of them.
"""

import sys
from typing import Any

from sink.killed_driver import DeadlyStore

from genre_batch.publish import changes, publishing
from genre_batch.publish.gate import GateConfig
from genre_batch.storage.open_store import open_store

if __name__ == "__main__":
    output, writes = sys.argv[1], int(sys.argv[2])
    store: Any = DeadlyStore(open_store(output), writes)
    changes._RANGE_ROWS = 2  # type: ignore[misc]
    changes._ROWS_AT_ONCE = 1  # type: ignore[misc]
    publishing.open_store = lambda _: store  # type: ignore[assignment]
    publishing.publish(publishing.PublishConfig(output=output, rules=GateConfig(max_drift=1e9)))
