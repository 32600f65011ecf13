"""CPU-only rooms never load torch, and drivers and predictors never load scipy: each costs seconds per process."""

import os
import pkgutil
import subprocess
import sys

import pytest

import genre_batch

WITH_TORCH = (
    "genre_batch.training",
    "genre_batch.model.exported.hugging_face_predictor",
    "genre_batch.model.network_runtime",
    "genre_batch.model.predictor",
    "genre_batch.model.staging",
    "genre_batch.model.networks",
)
MODULES = sorted(
    found.name
    for found in pkgutil.walk_packages(genre_batch.__path__, "genre_batch.", onerror=None)
    if not found.name.startswith(WITH_TORCH)
)
ROOMS = sorted({name.split(".")[1] for name in MODULES})

# librosa is imported as actors do it: two processes that write numba's cache at once would damage it for all others.
_PROGRAM = """
import importlib, sys
from contextlib import nullcontext
from genre_batch.features.whole_numba_cache import whole_numba_cache
with whole_numba_cache() if "genre_batch.features.librosa_handler" in sys.argv else nullcontext():
    for name in sys.argv[1:]:
        importlib.import_module(name)
        assert "torch" not in sys.modules, f"{name} loads torch"
"""


def test_no_module_of_these_rooms_loads_torch() -> None:
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)}
    command = [sys.executable, "-c", _PROGRAM, *MODULES]
    done = subprocess.run(command, check=False, env=environment, capture_output=True, text=True, timeout=300)
    assert done.returncode == 0, done.stderr


def test_the_list_of_rooms_is_not_empty() -> None:
    assert {"catalog", "decode", "features", "model", "sink", "schedule", "storage", "stages"} <= set(ROOMS)


@pytest.mark.parametrize("module", ["genre_batch.pipeline", "genre_batch.stages.predict"])
def test_drivers_and_predictors_load_no_scipy(module: str) -> None:
    program = f"import sys, {module}; sys.exit('scipy' in sys.modules)"
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)}
    done = subprocess.run([sys.executable, "-c", program], check=False, env=environment, timeout=300)
    assert done.returncode == 0
