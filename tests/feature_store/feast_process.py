"""Feast in its own environment, as a process that answers questions."""

import json
import os
import shutil
import subprocess
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
FEAST = ROOT / ".venv-feast" / "bin"


def require_feast(*programs: str) -> None:
    """Skip the test if Feast or one of these programs is missing; in CI it fails."""
    if (FEAST / "feast").exists() and all(map(shutil.which, programs)):
        return
    needed = " and ".join(["`make test-feast`", *programs])
    assert os.environ.get("CI") != "true", f"CI needs {needed}"
    pytest.skip(f"needs {needed}")


def shipped_repository(folder: Path) -> Path:
    """A copy of the Feast repository in configs/."""
    return Path(shutil.copytree(ROOT / "configs" / "feast", folder / "repository"))


class Feast:
    """A process in Feast's environment that answers questions about a repository."""

    def __init__(self, repository: Path, output: str) -> None:
        self._environment = os.environ | {"GENRE_BATCH_OUTPUT": output, "FEAST_USAGE": "False"}
        apply = [FEAST / "feast", "-c", repository, "apply"]
        applied = subprocess.run(apply, env=self._environment, capture_output=True, text=True, check=False)
        assert applied.returncode == 0, applied.stderr
        command = [FEAST / "python", Path(__file__).with_name("ask.py"), repository]
        pipe = subprocess.PIPE
        self.process = subprocess.Popen(command, env=self._environment, stdin=pipe, stdout=pipe, text=True)

    def ask(self, question: str, **arguments: object) -> object:
        assert self.process.stdin
        assert self.process.stdout
        self.process.stdin.write(json.dumps({"ask": question, **arguments}) + "\n")
        self.process.stdin.flush()
        return json.loads(self.process.stdout.readline())

    def as_of(self, asked: Iterable[tuple[str, datetime]]) -> dict[tuple[str, datetime], str | None]:
        """The genre of each track at each of these times."""
        rows = self.ask("historical", asked=[(name, at.isoformat()) for name, at in asked])
        assert isinstance(rows, list)
        return {(row["track_id"], datetime.fromisoformat(row["event_timestamp"])): row["genre"] for row in rows}

    def online(self, tracks: Sequence[str], *features: str) -> dict[str, list[object]]:
        answer = self.ask("online", tracks=tracks, features=features)
        assert isinstance(answer, dict)
        return answer

    def close(self) -> None:
        assert self.process.stdin
        self.process.stdin.close()
        self.process.wait(timeout=60)


@contextmanager
def feast_over(repository: Path, output: str) -> Iterator[Feast]:
    """The repository over this output, applied."""
    feast = Feast(repository, output)
    yield feast
    feast.close()
