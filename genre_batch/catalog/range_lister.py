"""Lists ranges of keys for another process: `python -m genre_batch.catalog.range_lister REQUEST_PAYER`.

Each line on stdin is a `RangeJob`, each line on stdout a `RangeReply`. It ends when stdin does, or with its parent.
"""

import ctypes
import signal
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from threading import Lock
from typing import get_args

from genre_batch.catalog.lister_processes import AT_ONCE, RangeJob, RangeReply
from genre_batch.catalog.prefix import KeyRange, ListingCount, list_range, track_batches
from genre_batch.catalog.sorted_runs import write_run
from genre_batch.errors import UserError
from genre_batch.storage.open_store import RequestPayer, open_store
from genre_batch.storage.store import StorageError

_PR_SET_PDEATHSIG = 1
_REPORT_EVERY_TRACKS = 20_000
_LOCK = Lock()


def main() -> None:
    """List until there is no more to do."""
    for stream in (sys.stdin, sys.stdout):
        stream.reconfigure(encoding="utf-8")  # type: ignore[union-attr]  # whatever the environment says
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)
    payer = next((known for known in get_args(RequestPayer) if known == sys.argv[1]), None)
    with ThreadPoolExecutor(AT_ONCE) as pool:
        for line in sys.stdin:
            pool.submit(_list, RangeJob.model_validate_json(line), payer)


def _list(job: RangeJob, payer: RequestPayer | None) -> None:
    reported = 0

    def report(tracks: int, size_bytes: int) -> None:
        nonlocal reported
        if tracks - reported >= _REPORT_EVERY_TRACKS:
            reported = tracks
            _reply(RangeReply(number=job.number, tracks=tracks, size_bytes=size_bytes))

    count = ListingCount(report)
    try:
        pages = list_range(open_store(job.prefix, payer), KeyRange(job.prefix, job.after, job.until))
        write_run(Path(job.path), count.counted(track_batches(pages)))
    except (StorageError, UserError) as error:
        _reply(RangeReply(number=job.number, error=type(error).__name__, message=str(error), hint=error.hint))
    # the parent must learn of any failure
    except Exception as error:  # noqa: BLE001
        _reply(RangeReply(number=job.number, error="Exception", message=f"{type(error).__name__}: {error}"))
    else:
        _reply(RangeReply(number=job.number, tracks=count.tracks, size_bytes=count.size_bytes, done=True))


def _reply(reply: RangeReply) -> None:
    with _LOCK:
        sys.stdout.write(reply.model_dump_json() + "\n")
        sys.stdout.flush()


if __name__ == "__main__":
    main()
