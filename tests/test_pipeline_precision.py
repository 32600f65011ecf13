"""`score` on the command line with settings that abstain or add tags: what the rows say, and which rows count."""

import json
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import audio_samples
import numpy as np
import pytest
from music import music
from table_checks import Row, rows

from genre_batch.model.bundle import load_bundle
from genre_batch.model.networks.head_settings import TAGS
from genre_batch.table import latest

pytestmark = [pytest.mark.slow, pytest.mark.timeout(400)]

RATE = 22_050
ABOVE = 0.1
LEAST = {"0.6": 0.0, "0.8": 0.006}
"""`min_in_scope` of the run with this precision."""


def _tone() -> audio_samples.Sound:
    return 0.3 * np.sin(2 * np.pi * 440 * np.arange(6 * RATE) / RATE).astype(np.float32)


def _squares() -> audio_samples.Sound:
    phase = 2 * np.pi * np.arange(6 * RATE) / RATE
    chord = 0.1 * sum(np.sign(np.sin(hertz * phase)) for hertz in (82.4, 123.5, 164.8))
    noise = np.random.default_rng(0).normal(0.0, 0.1, 6 * RATE)
    return np.clip(5 * chord + noise, -0.5, 0.5).astype(np.float32)


SOUNDS: dict[str, Callable[[], audio_samples.Sound]] = {
    "chirp": lambda: audio_samples.chirp(6, RATE, 1, 0),
    "bursts": lambda: audio_samples.bursts(6, RATE, 1, 0),
    "chords": lambda: music(6, RATE),
    "squares": _squares,
    "tone": _tone,
}
"""The model is surer of some than of others."""


@pytest.fixture(scope="module")
def source(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("sounds")
    for name, sound in SOUNDS.items():
        (folder / f"{name}.flac").write_bytes(audio_samples.encode(np.reshape(sound(), (-1, 1)), RATE, "flac"))
    return folder


def scored(source: Path, output: Path, *settings: str) -> dict[str, object]:
    """The report of one run of the command, in a process of its own."""
    changes = [part for setting in settings for part in ("--set", setting)]
    command = [sys.executable, "-m", "genre_batch", "score", str(source), str(output), "--json", *changes]
    done = subprocess.run(
        command, capture_output=True, text=True, env=os.environ | {"RAY_ADDRESS": "local"}, check=False
    )
    assert done.returncode == 0, done.stderr
    report: dict[str, object] = json.loads(done.stdout)
    return report


def check_row(row: Row, least: dict[str, float], least_in_scope: float) -> None:
    """The row abstains exactly below the threshold of its best genre and the least scope; its tags are above ABOVE."""
    top_k, tags, in_scope = row["top_k"], row["tags"], row["in_scope"]
    assert isinstance(in_scope, float)
    assert isinstance(top_k, list)
    assert isinstance(tags, list)
    best = top_k[0]
    threshold = least[best["genre"]]
    assert row["abstained"] == (best["probability"] < threshold or threshold >= 1.0 or in_scope < least_in_scope)
    assert row["genre"] == (None if row["abstained"] else best["genre"])
    probabilities = [tag["probability"] for tag in tags]
    assert probabilities == sorted(probabilities, reverse=True)
    assert all(probability > ABOVE for probability in probabilities)
    assert {tag["tag"] for tag in tags} <= set(TAGS)


def test_a_higher_precision_abstains_more_and_is_another_model(source: Path, tmp_path: Path) -> None:
    output, tagged = tmp_path / "out", f"tags_above={ABOVE}"
    thresholds = load_bundle("default").manifest.thresholds_at
    scopes = {each: [f"min_in_scope={least}"] if least else [] for each, least in LEAST.items()}
    runs = {each: scored(source, output, f"min_precision={each}", *scopes[each], tagged) for each in LEAST}
    assert [report["scored"] for report in runs.values()] == [len(SOUNDS)] * 2  # the second scores all of them again
    table = rows(output, "scores")
    of_run = {each: [row for row in table if row["run_id"] == report["run_id"]] for each, report in runs.items()}
    for each, found in of_run.items():
        assert len(found) == len(SOUNDS)
        for row in found:
            check_row(row, thresholds[each], LEAST[each])
    assert any(row["tags"] for row in table)
    assert len({str(row["fingerprint"]) for row in table}) == 2
    (tone,) = (row for row in of_run["0.8"] if str(row["uri"]).endswith("/tone.flac"))
    assert tone["abstained"]  # for its in_scope alone
    assert tone["confidence"] >= thresholds["0.8"][tone["top_k"][0]["genre"]]  # type: ignore[operator, index]
    before, after = (sum(bool(row["abstained"]) for row in of_run[each]) for each in ("0.6", "0.8"))
    assert before < after
    assert set(latest(str(output))["run_id"]) == {runs["0.8"]["run_id"]}  # readers get the newest rows
    again = scored(source, output, "min_precision=0.6", tagged)
    assert again["run_id"] is None
    assert len(rows(output, "scores")) == 2 * len(SOUNDS)
