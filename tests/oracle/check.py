"""Runs the cases of a part of the oracle as tests."""

from collections.abc import Iterable
from zlib import crc32

import pytest
from oracle.case import TRACK_IDS, Case, judge

MEDIUM_BYTES = 60_000
"""In half of the trials files from this size on count as large, so that the window of short ones is located, too."""

_SMALL_BYTES = ("audio_file.SMALL_BYTES", "fetch_window.SMALL_BYTES", "formats.ogg._SMALL_BYTES")


def of_two_tracks(cases: Iterable[Case]) -> list[object]:
    """Each case under both track ids."""
    return [pytest.param(case, track_id, id=f"{case.name} {track_id}") for case in cases for track_id in TRACK_IDS]


def of_one_track(cases: Iterable[Case], *, every_other: pytest.MarkDecorator | None = None) -> list[object]:
    """Each case under one of the track ids, so that each gets half of them. every_other: the mark of half of each."""
    return [_of_one_track(case, crc32(case.name.encode()), every_other) for case in cases]


def _of_one_track(case: Case, number: int, every_other: pytest.MarkDecorator | None) -> object:
    half, place = divmod(number, len(TRACK_IDS))
    marks = [every_other] if every_other and half % 2 else []
    return pytest.param(case, TRACK_IDS[place], id=f"{case.name} {TRACK_IDS[place]}", marks=marks)


def check(case: Case, track_id: str, monkeypatch: pytest.MonkeyPatch) -> str:
    """What is wrong with the outcome of the case; empty if nothing is."""
    if track_id == TRACK_IDS[1]:
        for name in _SMALL_BYTES:
            monkeypatch.setattr(f"genre_batch.decode.{name}", MEDIUM_BYTES)
    return judge(case, track_id, with_label=track_id == TRACK_IDS[0])
