"""The run of a round: a driver process that is started, killed and restarted until the run is finished."""

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
_EVENT = re.compile(r"^(ActorLost|BlockLost|CallFailed)\((?:actor=\d+, (blameless=\w+))?", re.MULTILINE)
_SETTINGS = {"shard_tracks": 48, "part_tracks": 16, "batch_tracks": 8, "predict.placement": "separate"}
"""Three parts per shard, two batches per part; two kinds of actors, so that blocks travel and can be lost."""
_STAGED = re.compile(r"(\d+)-(\d+)\.parquet")


class RunFailed(Exception):
    """A driver exited by itself with an error."""


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
        """Start a driver process."""
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
        """Kill the driver and its child processes, if there is one."""
        if self.driver:
            end(tree(self.driver.pid))
            self.driver.wait()

    @property
    def done(self) -> bool:
        """Whether the run is finished. Raises RunFailed if the driver exited with an error."""
        assert self.driver
        code = self.driver.poll()
        if code:
            raise RunFailed(f"a driver ended with {code}:\n{self._logs[-1].read_text()[-3000:]}")
        return code == 0

    @property
    def tracks_done(self) -> int:
        """How many tracks have a stored outcome. The last shard counts as full."""
        committed = len(list(self.output.glob("_runs/*/commits/*.json"))) * _SETTINGS["shard_tracks"]
        staged = [_STAGED.fullmatch(path.name) for path in self.output.glob("_runs/*/staged/*.parquet")]
        return committed + sum(int(found[2]) - int(found[1]) for found in staged if found)

    def counts(self) -> dict[str, int]:
        """The counts that the last driver reported: listed, skipped, scored, rejected."""
        report = json.loads(self.output.with_suffix(f".{self.starts}.json").read_text())
        return {name: int(report[name]) for name in ("listed", "skipped", "scored", "rejected")}

    def events(self) -> Counter[str]:
        """The losses of actors, calls and blocks that the drivers logged, by kind."""
        found = Counter[str]()
        for log in self._logs:
            for kind, blame in _EVENT.findall(log.read_text()):
                found[f"{kind} {blame}".strip()] += 1
        return found
