"""`jobs/features.py` on files of every fate."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pyarrow.parquet as pq
import pytest
from audio_samples import chirp, encode

JOB = Path(__file__).parents[2] / "jobs" / "features.py"


@pytest.mark.slow
@pytest.mark.timeout(300)
def test_it_writes_a_table_of_descriptors(tmp_path: Path) -> None:
    music, output = tmp_path / "music", tmp_path / "out"
    music.mkdir()
    (music / "good.flac").write_bytes(encode(chirp(4.0, 22_050, 1), 22_050, "flac"))
    (music / "bad.flac").write_bytes(b"fLaC" + bytes(100))
    settings = ["--recipe", "descriptor_mlp", "--set", "extract.max_size=1", "--set", "max_reject_rate=1"]
    environment = os.environ | {"RAY_ADDRESS": "local"}
    command = [sys.executable, JOB, music, output, *settings, "--json"]
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    report = json.loads(done.stdout)
    assert (report["answers"], report["scored"], report["rejected"]) == ("features", 1, 1)
    (table,) = output.glob("features/front_end=*/dt=*/*.parquet")
    (row,) = pq.read_table(table).to_pylist()
    assert row["uri"].endswith("good.flac")
    assert row["tempo"] >= 0.0
