"""Nights and backfills as processes, what they read, and what they had in hand when they were killed."""

import io
import json
import os
import signal
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Callable, Collection, Iterable, Mapping
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from threading import Event

import pyarrow.parquet as pq
from faulty_proxy import FaultyProxy
from week.music import Catalog, Version

Read = tuple[str, Version]
"""A track that was read, and in which version."""
_ACTORS = ("extract.max_size=2", "predict.max_size=1")
HELD_S = 10.0
"""How long a request may be held: less than what the job takes for a silent server."""


class Process:
    """`genre-batch` with these arguments."""

    def __init__(self, arguments: Collection[str], address: str) -> None:
        command = [sys.executable, "-m", "genre_batch", *arguments]
        environment = os.environ | {"RAY_ADDRESS": address}
        pipe = subprocess.PIPE
        self._process = subprocess.Popen(command, env=environment, stdout=pipe, stderr=pipe, text=True)

    def send(self, number: signal.Signals) -> None:
        self._process.send_signal(number)

    def ended(self, code: int = 0) -> dict[str, object]:
        """What it reports at its end, which must be with this code; empty if it prints no JSON."""
        stdout, stderr = self._process.communicate(timeout=300)
        assert self._process.returncode == code, f"ended with {self._process.returncode}: {stdout}\n{stderr}"
        assert "Traceback" not in stderr
        return json.loads(stdout) if stdout.startswith("{") else {}


@dataclass
class Nights:
    """Runs over `catalog` into an output in the same bucket, through a proxy that sees what they read."""

    catalog: Catalog
    proxy: FaultyProxy
    address: str
    bundle: Path
    in_hand: Counter[Read] = field(default_factory=Counter)
    _seen: int = 0

    @property
    def output(self) -> str:
        return f"s3://{self.catalog.bucket}/genres"

    def start(self, verb: str, *arguments: str) -> Process:
        return Process([verb, *arguments, "--json"], self.address)

    def score(self, kind: str, *settings: str, publish: bool = False) -> Process:
        """A run that cuts the catalog into small shards."""
        chosen = (f"run_kind={kind}", f"bundle={self.bundle}", "shard_tracks=2", "batch_tracks=1", *_ACTORS, *settings)
        sets = [word for setting in chosen for word in ("--set", setting)]
        return self.start("score", self.catalog.source, self.output, *sets, *(["--publish"] if publish else []))

    def night(self, *settings: str) -> dict[str, object]:
        """A nightly run that is published."""
        return self.score("nightly", *settings, publish=True).ended()

    def reads(self) -> Counter[Read]:
        """What was read since the last call."""
        seen, self._seen = self.proxy.seen[self._seen :], len(self.proxy.seen)
        music = self.catalog.key("")
        versions = self.catalog.sounds.version_of
        tracks = (each for each in seen if each.method == "GET" and each.key.startswith(music) and each.if_match)
        return Counter((each.key.removeprefix(music), versions[each.if_match.strip('"')]) for each in tracks)

    def send_at(self, process: Process, name: str, number: signal.Signals) -> None:
        """Send a signal when the track `name` is about to be read and a shard has been committed since now."""
        before = len(self._commits())

        def send() -> None:
            until(lambda: len(self._commits()) > before)
            process.send(number)

        self.proxy.before[self.catalog.key(name)] = send

    def meet(self, one: Iterable[str], other: Iterable[str]) -> None:
        """Let two processes wait for each other when they read the first of their tracks, so that both are at work."""
        here, there = Event(), Event()

        def arrive(mine: Event, theirs: Event) -> None:
            mine.set()
            theirs.wait(HELD_S)

        key = self.catalog.key
        self.proxy.before |= {key(name): partial(arrive, here, there) for name in one}
        self.proxy.before |= {key(name): partial(arrive, there, here) for name in other}

    def note_in_hand(self, tracks: Mapping[str, Version]) -> None:
        """After a kill: those of the night's tracks that are not committed may be read once more."""
        committed = self._committed()
        self.in_hand += Counter(read for read in tracks.items() if read not in committed)

    def _commits(self) -> list[str]:
        return [key for key in self.catalog.objects("genres/_runs/") if "/commits/" in key]

    def _committed(self) -> set[Read]:
        done = set[Read]()
        for marker in self._commits():
            for file in json.loads(self.catalog.read(marker))["files"]:
                rows = pq.read_table(io.BytesIO(self.catalog.read(f"genres/{file['path']}")), columns=["uri", "etag"])
                for row in rows.to_pylist():
                    name = str(row["uri"]).removeprefix(self.catalog.source)
                    done.add((name, self.catalog.sounds.version_of[row["etag"]]))
        return done


def until(happened: Callable[[], bool]) -> None:
    """Wait until something has happened, but not for long."""
    deadline_s = time.monotonic() + HELD_S
    while not happened() and time.monotonic() < deadline_s:
        time.sleep(0.05)
