"""The run that a round is about: a driver process that is started, killed and started again until it is done."""

import json
import os
import re
import signal
import subprocess
import sys
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path

from chaos.processes import end, tree

_DRIVER = Path(__file__).with_name("driver.py")
_TROUBLE = re.compile(r"^(ActorLost|BlockLost|CallFailed)\((?:actor=\d+, (blameless=\w+))?", re.MULTILINE)
_SETTINGS = {"shard_tracks": 48, "part_tracks": 16, "batch_tracks": 8}
"""A shard of three parts, a part of two batches."""
_STAGED = re.compile(r"(\d+)-(\d+)\.parquet")


class RunFailed(Exception):
    """A driver ended by itself, and not well."""


@dataclass
class Job:
    """`genre-batch score` over `folder`/music with `folder`/bundle into `output`, on the cluster at `address`."""

    folder: Path
    output: Path
    address: str
    starts: int = 0
    driver: "subprocess.Popen[bytes] | None" = None
    _logs: list[Path] = field(default_factory=list)

    def start(self) -> None:
        """Start a driver."""
        self.starts += 1
        stdout, stderr = (self.output.with_suffix(f".{self.starts}.{name}") for name in ("json", "log"))
        command = [sys.executable, str(_DRIVER), "score", str(self.folder / "music"), str(self.output), "--json"]
        for key, value in {"bundle": self.folder / "bundle", **_SETTINGS}.items():
            command += ["--set", f"{key}={value}"]
        with stdout.open("wb") as out, stderr.open("wb") as err:
            self.driver = subprocess.Popen(
                command, env=os.environ | {"RAY_ADDRESS": self.address}, stdout=out, stderr=err
            )
        self._logs.append(stderr)

    def kill(self) -> None:
        """Kill the driver with SIGKILL and start another."""
        assert self.driver
        self.driver.send_signal(signal.SIGKILL)
        self.driver.wait()
        self.start()

    def close(self) -> None:
        """End the driver if there is one."""
        if self.driver:
            end(tree(self.driver.pid))
            self.driver.wait()

    @property
    def done(self) -> bool:
        """Whether the run is finished. Raises RunFailed where it failed."""
        assert self.driver
        code = self.driver.poll()
        if code:
            raise RunFailed(f"a driver ended with {code}:\n{self._logs[-1].read_text()[-3000:]}")
        return code == 0

    @property
    def tracks_done(self) -> int:
        """How many tracks have an outcome on storage, the last shard counted as if it were full."""
        committed = len(list(self.output.glob("_runs/*/commits/*.json"))) * _SETTINGS["shard_tracks"]
        staged = [_STAGED.fullmatch(path.name) for path in self.output.glob("_runs/*/staged/*.parquet")]
        return committed + sum(int(found[2]) - int(found[1]) for found in staged if found)

    def counts(self) -> dict[str, int]:
        """What the last driver reported: listed, scored, rejected."""
        report = json.loads(self.output.with_suffix(f".{self.starts}.json").read_text())
        return {name: int(report[name]) for name in ("listed", "skipped", "scored", "rejected")}

    def troubles(self) -> Counter[str]:
        """What the drivers heard of actors, calls and blocks, by kind."""
        found = Counter[str]()
        for log in self._logs:
            for kind, blame in _TROUBLE.findall(log.read_text()):
                found[f"{kind} {blame}".strip()] += 1
        return found
