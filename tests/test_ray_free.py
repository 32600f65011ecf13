"""`verify` without `--repair`, and `gc`, check and clean an output without loading Ray: it takes seconds to import."""

import os
import subprocess
import sys
from pathlib import Path

import pytest
from verify.outputs import two_runs

from genre_batch.storage.local import LocalStore

_PROGRAM = """
import sys
from genre_batch.cli.app import main
try:
    main(sys.argv[1:])
except SystemExit as done:
    assert not done.code, done.code
loaded = sorted({name.partition(".")[0] for name in sys.modules} & {"ray", "torch"})
assert not loaded, f"loads {loaded}"
"""


@pytest.mark.parametrize("verb", [["verify"], ["gc"], ["gc", "--delete"]])
def test_the_verb_loads_neither_ray_nor_torch(verb: list[str], tmp_path: Path) -> None:
    two_runs(LocalStore(), str(tmp_path))
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)}
    command = [sys.executable, "-c", _PROGRAM, *verb, str(tmp_path)]
    done = subprocess.run(command, check=False, env=environment, capture_output=True, text=True, timeout=300)
    assert done.returncode == 0, done.stderr
    assert "2 runs (2 finished" in done.stdout or "0 objects" in done.stdout
