"""Canaries keep their answers; what they were made from is scored again alike, and damage is reported."""

import io
import zipfile
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from small_bundle import write_small_bundle

from genre_batch.errors import UsageError
from genre_batch.features.segments import Segments
from genre_batch.model.bundle import CANARIES_FILE, SHIPPED_BUNDLES, Bundle, load_bundle
from genre_batch.model.canaries import MOST_CANARY_BYTES, make_canaries, project_clips, read_canaries
from genre_batch.model.open_predictor import open_predictor
from genre_batch.model.scores import Floats

CLIPS = project_clips()


@pytest.fixture(scope="module")
def bundle(tmp_path_factory: pytest.TempPathFactory) -> Bundle:
    """A small bundle with one canary."""
    made = write_small_bundle(tmp_path_factory.mktemp("bundle"))
    return with_canaries(made, make_canaries(made, open_predictor(made, device="cpu"), {"a.ogg": CLIPS["bounce.ogg"]}))


def with_canaries(bundle: Bundle, data: bytes) -> Bundle:
    return replace(bundle, files={**bundle.files, CANARIES_FILE: data})


def archive(files: Mapping[str, bytes], compression: int = zipfile.ZIP_STORED) -> bytes:
    target = io.BytesIO()
    with zipfile.ZipFile(target, "w", compression) as made:
        for name, data in files.items():
            made.writestr(name, data)
    return target.getvalue()


def test_they_keep_their_bytes_and_the_answer(bundle: Bundle) -> None:
    (canary,) = read_canaries(bundle)
    assert canary.data == CLIPS["bounce.ogg"]
    assert canary.probabilities.keys() == {"blues", "jazz", "rock"}
    assert sum(canary.probabilities.values()) == pytest.approx(1.0, abs=1e-5)
    assert canary.genre == next(iter(canary.probabilities))
    assert canary.read(4, 8) == canary.data[4:12]
    assert (canary.track().track_id, canary.track().size_bytes) == ("a.ogg", len(canary.data))


def test_the_change_is_the_largest_difference(bundle: Bundle) -> None:
    (canary,) = read_canaries(bundle)
    canary = replace(canary, probabilities={"jazz": 0.75, "rock": 0.25})
    assert canary.change((("jazz", 0.75), ("rock", 0.25))) == 0.0
    assert canary.change((("blues", 0.125), ("jazz", 0.75))) == 0.125
    assert canary.change((("jazz", 0.5), ("rock", 0.375))) == 0.25


def test_they_do_not_change_the_fingerprint_and_a_bundle_may_have_none(bundle: Bundle, tmp_path: Path) -> None:
    plain = write_small_bundle(tmp_path)
    assert read_canaries(plain) == ()
    assert bundle.fingerprint == plain.fingerprint


@pytest.mark.parametrize("name", SHIPPED_BUNDLES)
def test_shipped_bundles_have_those_of_the_project(name: str) -> None:
    canaries = read_canaries(load_bundle(name))
    assert {canary.name: canary.data for canary in canaries} == CLIPS
    assert sum(len(canary.data) for canary in canaries) < 500_000


def test_what_is_no_archive_of_canaries_is_an_error(bundle: Bundle) -> None:
    good = read_canaries(bundle)[0]
    index = b'{"clips": {"a.ogg": {"jazz": 1.0}}}'
    damaged = {
        "empty": b"",
        "cut": bundle.files[CANARIES_FILE][:-100],
        "no clip": archive({"canaries.json": index}),
        "no index": archive({"a.ogg": good.data}),
        "packed": archive({"canaries.json": index, "a.ogg": good.data}, zipfile.ZIP_DEFLATED),
        "no answer": archive({"canaries.json": b'{"clips": {"a.ogg": {}}}', "a.ogg": good.data}),
    }
    for data in damaged.values():
        with pytest.raises(UsageError, match="does not hold its canaries"):
            read_canaries(with_canaries(bundle, data))
    other = archive({"canaries.json": index.replace(b"jazz", b"polka"), "a.ogg": good.data})
    with pytest.raises(UsageError, match="'polka', which is not one of its genres"):
        read_canaries(with_canaries(bundle, other))


class Unasked:
    """A predictor that no clip may reach."""

    precision = "fp32"

    def logits(self, segments: Segments) -> Floats:
        raise AssertionError(np.shape(segments))


@pytest.mark.parametrize(
    ("clips", "message"),
    [
        ({}, "0 canaries"),
        ({"a": bytes(MOST_CANARY_BYTES + 1)}, "over 4 MiB"),
        ({"../a": b""}, "cannot be called '../a'"),
        ({"canaries.json": b""}, "cannot be called"),
        ({"a.wav": b"RIFF"}, "a.wav cannot be scored, "),
    ],
)
def test_clips_that_cannot_be_canaries(clips: dict[str, bytes], message: str, bundle: Bundle) -> None:
    with pytest.raises(UsageError, match=message):
        make_canaries(bundle, Unasked(), clips)
