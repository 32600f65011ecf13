"""Rooms that run on CPUs alone never load torch, nor drivers and predictors scipy: either takes seconds a process."""

import os
import pkgutil
import subprocess
import sys

import pytest

import genre_batch

WITH_TORCH = (
    "genre_batch.training",
    "genre_batch.model.exported.hugging_face_predictor",
    "genre_batch.model.onnx_network",
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

_PROGRAM = """
import importlib, sys
for name in sys.argv[1:]:
    importlib.import_module(name)
    assert "torch" not in sys.modules, f"{name} loads torch"
"""


@pytest.mark.parametrize("room", ROOMS)
def test_the_room_loads_without_torch(room: str) -> None:
    names = [name for name in MODULES if name.split(".")[1] == room]
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)}
    command = [sys.executable, "-c", _PROGRAM, *names]
    done = subprocess.run(command, check=False, env=environment, capture_output=True, text=True, timeout=100)
    assert done.returncode == 0, done.stderr


def test_the_rooms_are_all_there() -> None:
    assert {"catalog", "decode", "features", "model", "sink", "schedule", "storage", "actors"} <= set(ROOMS)


@pytest.mark.parametrize("module", ["genre_batch.pipeline", "genre_batch.actors.predict"])
def test_who_computes_no_features_loads_no_scipy(module: str) -> None:
    program = f"import sys, {module}; sys.exit('scipy' in sys.modules)"
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)}
    done = subprocess.run([sys.executable, "-c", program], check=False, env=environment, timeout=100)
    assert done.returncode == 0
