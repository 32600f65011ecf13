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


def of_one_track(cases: Iterable[Case]) -> list[object]:
    """Each case under one of the track ids, so that each gets half of them."""
    pairs = ((case, TRACK_IDS[crc32(case.name.encode()) % len(TRACK_IDS)]) for case in cases)
    return [pytest.param(case, track_id, id=f"{case.name} {track_id}") for case, track_id in pairs]


def check(case: Case, track_id: str, monkeypatch: pytest.MonkeyPatch) -> str:
    """What is wrong with the outcome of the case; empty if nothing is."""
    if track_id == TRACK_IDS[1]:
        for name in _SMALL_BYTES:
            monkeypatch.setattr(f"genre_batch.decode.{name}", MEDIUM_BYTES)
    return judge(case, track_id, with_label=track_id == TRACK_IDS[0])
