"""The seek table of TTA."""

import io

import pytest
from audio_samples import chirp, encode

from genre_batch.catalog.reject import RejectReason, TrackRejected
from genre_batch.decode.formats.tta import check_whole


@pytest.fixture(scope="module")
def data() -> bytes:
    return encode(chirp(3.0, 48_000), 48_000, "tta")


def test_a_whole_file_has_the_declared_samples(data: bytes) -> None:
    assert check_whole(io.BytesIO(data), len(data)).frames == 3 * 48_000


@pytest.mark.parametrize("kept", [10, 30, 0.5, 0.9])
def test_a_cut_file_is_truncated(data: bytes, kept: float) -> None:
    cut = data[: kept if isinstance(kept, int) else int(len(data) * kept)]
    with pytest.raises(TrackRejected) as caught:
        check_whole(io.BytesIO(cut), len(cut))
    assert caught.value.reject.reason is RejectReason.TRUNCATED


@pytest.mark.parametrize(("at", "field"), [(10, bytes(4)), (14, b"\xff" * 4), (14, bytes(4))])
def test_absurd_rates_and_lengths_are_corrupt(data: bytes, at: int, field: bytes) -> None:
    forged = data[:at] + field + data[at + 4 :]
    with pytest.raises(TrackRejected) as caught:
        check_whole(io.BytesIO(forged), len(forged))
    assert caught.value.reject.reason in (RejectReason.CORRUPT, RejectReason.TRUNCATED)
