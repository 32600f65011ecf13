"""`jobs/features.py` on a readable and an unreadable file."""

import json
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pyarrow.parquet as pq
import pytest
from audio_samples import encode

JOB = Path(__file__).parents[2] / "jobs" / "features.py"


@pytest.mark.slow
@pytest.mark.timeout(300)
def test_it_writes_a_table_of_descriptors(tmp_path: Path) -> None:
    music, output = tmp_path / "music", tmp_path / "out"
    music.mkdir()
    clicks = np.zeros((12 * 22_050, 1), np.float32)
    clicks[:: round(0.6 * 22_050)] = 0.9
    (music / "good.flac").write_bytes(encode(clicks, 22_050, "flac"))
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
    assert row["tempo"] == pytest.approx(100.0, rel=0.02)
