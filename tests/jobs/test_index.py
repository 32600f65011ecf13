"""`jobs/index.py`, run as a script the way Ray starts it."""

import json
import subprocess
import sys
from pathlib import Path

JOB = Path(__file__).parents[2] / "jobs" / "index.py"


def test_it_writes_a_listing(tmp_path: Path) -> None:
    (tmp_path / "in").mkdir()
    (tmp_path / "in" / "a.mp3").write_bytes(b"x")
    command = [sys.executable, JOB, tmp_path / "in", tmp_path / "out", "--json"]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    assert json.loads(done.stdout)["tracks"] == 1
    assert (tmp_path / "out" / "listing.json").exists()
