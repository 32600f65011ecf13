"""`jobs/verify.py` on the output of a real run: it finds damage, and repairs it by scoring the audio again."""

import os
import subprocess
import sys
from pathlib import Path

import audio_samples
import pytest
from sink.table_facts import everything

from genre_batch.config import ScoreConfig, load
from genre_batch.pipeline import score
from genre_batch.storage.local import LocalStore
from genre_batch.verify.verification import VerifyReport

JOB = Path(__file__).parents[2] / "jobs" / "verify.py"

pytestmark = [pytest.mark.slow, pytest.mark.timeout(300)]


def verify(output: Path, exit_code: int, *flags: str) -> VerifyReport:
    environment = os.environ | {"RAY_ADDRESS": "local"}
    command = [sys.executable, JOB, output, "--json", *flags]
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == exit_code, done.stderr
    assert "Traceback" not in done.stderr
    return VerifyReport.model_validate_json(done.stdout)


def data_of(output: Path) -> dict[str, bytes]:
    """The files of `output` that must be the same whichever driver has made them."""
    of_a_driver = ("canaries", "damaged", "_heads", "report", "heartbeat")
    files = everything(LocalStore(), str(output))
    return {path: data for path, data in files.items() if not any(part in path for part in of_a_driver)}


def test_a_damaged_table_is_repaired_by_scoring_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("RAY_ADDRESS", "local")
    (tmp_path / "in").mkdir()
    for number in range(6):
        sound = audio_samples.chirp(6, 22_050, 1, number)
        (tmp_path / "in" / f"{number}.flac").write_bytes(audio_samples.encode(sound, 22_050, "flac"))
    (tmp_path / "in" / "cut.flac").write_bytes(b"fLaC")
    output = tmp_path / "out"
    arguments = {"source": str(tmp_path / "in"), "output": str(output)}
    score(load(ScoreConfig, None, ["shard_tracks=2", "extract.max_size=1"], arguments))
    before = data_of(output)
    clean = verify(output, 0, "--etags")
    assert (clean.tracks, clean.damage, clean.counts) == (7, 0, {})
    first, second, *_ = sorted(output.glob("scores/*/*/*.parquet"))
    first.write_bytes(first.read_bytes()[:-9])
    times = {path: path.stat().st_mtime_ns for path in output.glob("scores/*/*/*.parquet") if path != first}
    second.with_name("extra.parquet").write_bytes(second.read_bytes())
    assert {finding.kind for finding in verify(output, 4).findings} == {"damaged", "extra"}
    repaired = verify(output, 0, "--repair")
    assert repaired.repair is not None
    assert (repaired.damage, repaired.repair.again, len(repaired.repair.moved)) == (0, 1, 4)
    assert data_of(output) == before
    assert {path: path.stat().st_mtime_ns for path in times} == times
    (tmp_path / "in" / "0.flac").write_bytes(b"other bytes")
    changed = verify(output, 0, "--etags")
    assert changed.counts == {"changed": 1}
