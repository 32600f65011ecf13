"""A sample of the generated files through the whole job, with the bundle `cheap`, which always takes the mean."""

import subprocess
import sys
from pathlib import Path

import pytest
from oracle import channels, damaged, joined, lengths, plain, tagged
from oracle.case import Case
from table_checks import rows

REFERENCE = "WAV/PCM_16"
CANCELLED = "inverted as flac"
SAMPLE = {
    *(REFERENCE, CANCELLED, "FLAC/PCM_16", "MP3/CONSTANT/44100/2_channels", "OGG/VORBIS", "CAF/PCM_16"),
    *("av/ogg/libopus/48000/2_channels", "av/m4a/aac", "av/aac", "av/eac3", "av/matroska/flac", "av/tta", "av/wavpack"),
    *("id3v2_and_zeros in front of m4a", "apev2_of_300_kb behind ogg", "wav of length 0x80000000", "left only as mp3"),
    *("joined: halves as flac", "joined: ogg_flac of one serial, song of 20 s", "matroska_live joined at part 1"),
    *("0.5 of flac", "a constant as wav", "noise", "MIDI"),
}


@pytest.fixture(scope="module")
def cases() -> dict[str, Case]:
    modules = (channels, damaged, joined, lengths, plain, tagged)
    return {case.name: case for module in modules for case in module.cases() if case.name in SAMPLE}


@pytest.fixture(scope="module")
def output(cases: dict[str, Case], tmp_path_factory: pytest.TempPathFactory) -> Path:
    """One run over all of them; the name of each file is the number of its case."""
    assert cases.keys() == SAMPLE
    music, output = tmp_path_factory.mktemp("music"), tmp_path_factory.mktemp("output")
    for number, name in enumerate(sorted(SAMPLE)):
        (music / f"{number}").write_bytes(cases[name].data())
    settings = ("--set", "max_reject_rate=0.5", "--set", "bundle=cheap")
    command = [sys.executable, "-m", "genre_batch", "score", str(music), str(output), *settings]
    done = subprocess.run(command, capture_output=True, text=True, timeout=380, check=False)
    assert done.returncode == 0, done.stderr
    return output


def named(output: Path, table: str) -> dict[str, dict[str, object]]:
    """The rows of `scores` or `rejects` by the name of their case."""
    names = sorted(SAMPLE)
    return {names[int(Path(str(row["uri"])).name)]: dict(row) for row in rows(output, table)}


@pytest.mark.slow
def test_each_file_is_labelled_as_the_clean_one(cases: dict[str, Case], output: Path) -> None:
    found = named(output, "scores")
    assert found.keys() == {name for name, case in cases.items() if "scored" in case.outcome} - {CANCELLED}
    for name, row in found.items():
        assert row["duration_s"] == pytest.approx(cases[name].seconds, abs=cases[name].duration_off_s), name
    labels = {name: row["genre"] for name, row in found.items()}
    assert labels == dict.fromkeys(found, labels[REFERENCE])


@pytest.mark.slow
def test_each_reject_has_its_reason(cases: dict[str, Case], output: Path) -> None:
    found = {name: row["reason"] for name, row in named(output, "rejects").items()}
    assert found.pop(CANCELLED) == "silent"
    assert found.keys() == {name for name, case in cases.items() if "scored" not in case.outcome}
    assert all(reason in cases[name].outcome for name, reason in found.items())
