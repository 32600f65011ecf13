"""The front end in its child process, on real files of every kind of decoder."""

import io
from collections.abc import Callable, Iterator

import numpy as np
import pytest
from audio_samples import bursts, encode
from music import music

from genre_batch.catalog.reject import RejectReason, RejectStage, TrackRejected
from genre_batch.catalog.track import Track
from genre_batch.decode.window import Window
from genre_batch.features import sandboxed
from genre_batch.features.front_end import FrontEnd, TrackSegments
from genre_batch.features.front_ends.descriptors import DescriptorFrontEnd
from genre_batch.features.front_ends.image import ImageFrontEnd
from genre_batch.features.front_ends.log_mel import LogMelFrontEnd
from genre_batch.features.front_ends.mfcc import MfccFrontEnd
from genre_batch.features.front_ends.plain_waveform import WaveformFrontEnd
from genre_batch.features.sandboxed import SandboxedFrontEnd, SandboxedFrontEnds
from genre_batch.features.track_segments import extract_segments

FRONT_END = LogMelFrontEnd(segment_frames=128, segment_hop_frames=64)
OTHERS = [
    MfccFrontEnd(segment_frames=130, segment_hop_frames=130),
    ImageFrontEnd(images=["spectrogram", "scalogram"], segment_s=3.0),
    WaveformFrontEnd(segment_s=3.0),
    DescriptorFrontEnd(segment_s=3.0),
]


@pytest.fixture(scope="module")
def front_end() -> Iterator[SandboxedFrontEnd]:
    running = SandboxedFrontEnd(FRONT_END, deadline_s=60.0)
    yield running
    running.close()


def track_of(data: bytes, track_id: str = "track") -> tuple[Track, Callable[[int, int], bytes]]:
    return Track(track_id, "/track", "etag", len(data)), lambda start, length: data[start : start + length]


@pytest.mark.parametrize("encoding", ["wav", "flac", "mp3", "ogg", "aiff", "m4a", "alac", "opus"])
def test_the_child_answers_as_the_front_end_does_in_this_process(front_end: SandboxedFrontEnd, encoding: str) -> None:
    data = encode(music(4.0, 48_000)[:, None].repeat(2, axis=1), 48_000, encoding)
    result = front_end.extract(*track_of(data))
    expected = extract_segments(io.BytesIO(data), len(data), "track", FRONT_END)
    np.testing.assert_array_equal(result.segments, expected.segments)
    assert (result.facts.duration_s, result.facts.decoder) == (expected.facts.duration_s, expected.facts.decoder)


@pytest.mark.slow
@pytest.mark.parametrize("settings", OTHERS, ids=lambda settings: settings.name)
def test_every_front_end_works_in_a_child_and_keeps_nothing_of_a_track(settings: FrontEnd) -> None:
    """The child can open no file, so everything that its libraries load on first use must be loaded already; and
    what it caches for speed must not change the next track."""
    sounds = [music(7.0, 48_000)[:, None].repeat(2, axis=1), bursts(6.5), bursts(1.0, 22_050, channels=1)]
    tracks = [encode(sounds[0], 48_000, "mp3"), encode(sounds[1], 44_100, "flac"), encode(sounds[2], 22_050, "wav")]
    running = SandboxedFrontEnd(settings, deadline_s=60.0)
    try:
        forth = [running.extract(*track_of(data)).segments for data in tracks]
        with pytest.raises(TrackRejected, match="silent"):
            running.extract(*track_of(encode(np.zeros((44_100, 1), np.float32), 44_100, "wav")))
        back = [running.extract(*track_of(data)).segments for data in reversed(tracks)][::-1]
    finally:
        running.close()
    for data, first, second in zip(tracks, forth, back, strict=True):
        assert first.shape[1:] == settings.segment_shape
        assert first.dtype == settings.dtype
        np.testing.assert_array_equal(first, second)
        here = extract_segments(io.BytesIO(data), len(data), "track", settings).segments
        np.testing.assert_allclose(first.astype(np.float32), here.astype(np.float32), rtol=1e-5)
    assert [len(segments) for segments in forth] == [2, 2, 1]


@pytest.mark.slow
def test_half_a_minute_of_the_most_expensive_features_fits_into_a_child() -> None:
    data = encode(music(31.0)[:, None], 22_050, "flac")
    for settings in (DescriptorFrontEnd(), ImageFrontEnd(images=["spectrogram", "scalogram"])):
        running = SandboxedFrontEnd(settings, deadline_s=60.0)
        assert len(running.extract(*track_of(data)).segments) == 1
        running.close()


def test_a_track_id_that_is_not_utf_8_is_accepted(front_end: SandboxedFrontEnd) -> None:
    data = encode(music(2.0)[:, None], 22_050, "wav")
    assert len(front_end.extract(*track_of(data, "/music/\udcff\n.wav")).segments) == 1


def test_a_reject_arrives_as_it_was_raised(front_end: SandboxedFrontEnd) -> None:
    data = encode(np.zeros((44_100, 1), np.float32), 44_100, "flac")
    with pytest.raises(TrackRejected) as raised:
        front_end.extract(*track_of(data))
    assert (raised.value.reject.reason, raised.value.reject.stage) == (RejectReason.SILENT, RejectStage.FEATURES)


def test_a_failed_read_rejects_the_track_as_the_reader_says(front_end: SandboxedFrontEnd) -> None:
    def gone(start: int, length: int) -> bytes:
        raise TrackRejected(RejectReason.GONE, RejectStage.READ, "the object is gone")

    with pytest.raises(TrackRejected) as raised:
        front_end.extract(Track("track", "/track", "etag", 1000), gone)
    assert (raised.value.reject.reason, raised.value.reject.stage) == (RejectReason.GONE, RejectStage.READ)
    data = encode(music(2.0)[:, None], 22_050, "wav")
    assert len(front_end.extract(*track_of(data)).segments) == 1


def test_an_invalid_answer_rejects_the_track(front_end: SandboxedFrontEnd, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(front_end._sandbox, "call", lambda request, read, size_bytes: b"{}\n")
    with pytest.raises(TrackRejected, match="invalid answer") as raised:
        front_end.extract(Track("track", "/track", "etag", 10), lambda start, length: b"")
    assert raised.value.reject.reason is RejectReason.DECODER_CRASH


def test_the_childs_cpu_time_is_counted(front_end: SandboxedFrontEnd) -> None:
    data = encode(music(30.0, 44_100)[:, None], 44_100, "mp3")
    before_s = front_end.cpu_s
    front_end.extract(*track_of(data))
    assert 0.005 < front_end.cpu_s - before_s < 30.0


def test_a_longer_window_and_a_slower_front_end_have_more_time() -> None:
    quick = [LogMelFrontEnd(window=Window(length_s=length_s)).stall_s for length_s in (3.0, 30.0, 300.0)]
    assert quick == [5.0, 5.0, 50.0]
    assert ImageFrontEnd(images=["scalogram"]).stall_s == DescriptorFrontEnd().stall_s == 20.0


def test_the_parent_loads_no_decoder() -> None:
    assert not hasattr(sandboxed, "decode_window")


def test_each_front_end_has_what_it_has_alone() -> None:
    front_ends = [FRONT_END, MfccFrontEnd(segment_frames=130, segment_hop_frames=130, window=Window(length_s=5.0))]
    data = encode(music(9.0, 48_000)[:, None], 48_000, "mp3")
    running = SandboxedFrontEnds(front_ends, deadline_s=60.0)
    try:
        running.await_ready()
        for settings, found in zip(front_ends, running.extract(*track_of(data)), strict=True):
            assert isinstance(found, TrackSegments)
            expected = extract_segments(io.BytesIO(data), len(data), "track", settings)
            np.testing.assert_array_equal(found.segments, expected.segments)
            assert found.facts == expected.facts
        silent = encode(np.zeros((44_100, 1), np.float32), 44_100, "flac")
        rejects = running.extract(*track_of(silent))
        assert [each.reject.reason for each in rejects if isinstance(each, TrackRejected)] == [RejectReason.SILENT] * 2
        assert running.cpu_s > 0.0
    finally:
        running.close()


def test_a_track_that_the_child_does_not_survive_is_done_for_each_front_end_alone(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    front_ends = [FRONT_END, FRONT_END.model_copy(update={"n_mels": 64})]
    running, calls = SandboxedFrontEnds(front_ends, deadline_s=60.0), list[bytes]()
    call = running._sandbox.call

    def failing(request: bytes, read: Callable[[int, int], bytes], size_bytes: int) -> bytes:
        calls.append(request)
        if b"128" in request.partition(b"n_mels")[2][:8]:  # with the first one among them
            raise TrackRejected(RejectReason.DECODER_CRASH, RejectStage.DECODE, "ended by signal 11")
        return call(request, read, size_bytes)

    monkeypatch.setattr(running._sandbox, "call", failing)
    data = encode(music(2.0)[:, None], 22_050, "wav")
    try:
        first, second = running.extract(*track_of(data))
    finally:
        running.close()
    assert len(calls) == 3
    assert isinstance(first, TrackRejected)
    assert first.reject.reason is RejectReason.DECODER_CRASH
    assert isinstance(second, TrackSegments)


def test_a_failed_read_is_not_tried_for_each_front_end() -> None:
    reads: list[int] = []

    def gone(start: int, length: int) -> bytes:
        reads.append(start)
        raise TrackRejected(RejectReason.GONE, RejectStage.READ, "the object is gone")

    running = SandboxedFrontEnds([FRONT_END, FRONT_END.model_copy(update={"n_mels": 64})], deadline_s=60.0)
    try:
        found = running.extract(Track("track", "/track", "etag", 1000), gone)
    finally:
        running.close()
    assert [each.reject.reason for each in found if isinstance(each, TrackRejected)] == [RejectReason.GONE] * 2
    assert len(reads) == 1
