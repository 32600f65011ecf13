"""Reading through libav."""

import io
from fractions import Fraction
from pathlib import Path

import av
import numpy as np
import pytest
from audio_samples import chirp, encode

from genre_batch.catalog.reject import RejectReason, TrackRejected
from genre_batch.decode.av_decoder import AvReader

FILES = {
    "m4a": "mp4",
    "alac": "mp4",
    "fragmented_m4a": "mp4",
    "ogg": "ogg",
    "opus": "ogg",
    "ogg_flac": "ogg",
    "wma": "asf",
    "mp3": "mp3",
    "wav": "wav",
}


def reason(data: bytes, demuxer: str) -> RejectReason:
    with pytest.raises(TrackRejected) as caught:
        AvReader(io.BytesIO(data), demuxer)
    return caught.value.reject.reason


@pytest.mark.parametrize("encoding", FILES)
@pytest.mark.parametrize("channels", [1, 2])
def test_reads_any_part(encoding: str, channels: int) -> None:
    data = encode(chirp(8.0, 48_000, channels, noise=0.0), 48_000, encoding)
    reader = AvReader(io.BytesIO(data), FILES[encoding])
    assert (reader.sample_rate, reader.channels) == (48_000, channels)
    assert reader.frames == pytest.approx(8 * 48_000, abs=0.06 * 48_000)
    whole = reader.read(0, reader.frames)
    reader.close()
    for start, count in ((200_000, 100_000), (10, 20), (48_000, 0), (0, 48_000), (30_000, 9_000), (123_457, 1)):
        part = AvReader(io.BytesIO(data), FILES[encoding]).read(start, count)
        assert len(part) == count
        np.testing.assert_allclose(part, whole[start : start + count], atol=1e-5)


@pytest.mark.parametrize("channels", [6, 8, 16])
def test_more_channels_than_libav_has_room_for_in_a_frame_are_mixed(channels: int) -> None:
    """Above 8 their pointers stand elsewhere; at 8 the binding takes what follows them for more."""
    sound = np.zeros((96_000, channels), np.float32)
    sound[:, -1] = chirp(2.0, 48_000, 1, noise=0.0)[:, 0]
    reader = AvReader(io.BytesIO(encode(sound, 48_000, "ogg")), "ogg")
    assert reader.channels == channels
    mono = reader.read(0, reader.frames)
    assert np.corrcoef(mono, sound[: len(mono), -1])[0, 1] > 0.9
    assert np.std(mono) == pytest.approx(np.std(sound[:, -1]) / channels, rel=0.3)


def video(codec: str | None, sound_codec: str | None) -> bytes:
    """An MP4 file of a grey picture for a second, and a chirp."""
    target = io.BytesIO()
    with av.open(target, "w", format="mp4") as file:
        picture = file.add_stream(codec, rate=10) if codec else None
        track = file.add_stream(sound_codec, rate=48_000, layout="stereo") if sound_codec else None
        if picture:
            picture.width, picture.height, picture.pix_fmt = 64, 64, "yuv420p"
            for _ in range(10):
                file.mux(picture.encode(av.VideoFrame(64, 64, "yuv420p")))
            file.mux(picture.encode(None))
        if track:
            samples = np.ascontiguousarray(chirp(1.5, 48_000, noise=0.0).T)
            for start in range(0, 72_000, 1024):
                frame = av.AudioFrame.from_ndarray(samples[:, start : start + 1024].copy(), "fltp", "stereo")
                frame.sample_rate, frame.pts, frame.time_base = 48_000, start, Fraction(1, 48_000)
                file.mux(track.encode(frame))
            file.mux(track.encode(None))
    return target.getvalue()


def test_a_video_gives_its_sound() -> None:
    alone = AvReader(io.BytesIO(video(None, "aac")), "mp4")
    beside = AvReader(io.BytesIO(video("mpeg4", "aac")), "mp4")
    assert beside.frames == alone.frames
    np.testing.assert_allclose(beside.read(0, beside.frames), alone.read(0, alone.frames), atol=1e-5)


def test_a_video_without_sound_is_unsupported() -> None:
    assert reason(video("mpeg4", None), "mp4") is RejectReason.UNSUPPORTED


def test_a_codec_that_is_not_listed_does_not_run() -> None:
    assert reason(video(None, "ac3"), "mp4") is RejectReason.UNSUPPORTED


@pytest.mark.parametrize("demuxer", ["mp4", "ogg", "asf", "mp3", "wav"])
@pytest.mark.parametrize(
    "data", [b"", bytes(5000), b"ffconcat version 1.0\nfile /etc/passwd\n", b"#EXTM3U\n/etc/passwd\n"]
)
def test_what_is_no_such_file_is_corrupt(demuxer: str, data: bytes) -> None:
    assert reason(data, demuxer) in (RejectReason.CORRUPT, RejectReason.UNSUPPORTED)


def test_a_reference_to_another_file_is_not_followed(tmp_path: Path) -> None:
    """The index says that the samples lie in another file, which is there: it is not opened."""
    data = video(None, "aac")
    other = tmp_path / "secret.mp4"
    other.write_bytes(data)
    entry = b"\x00\x00\x00\x0curl \x00\x00\x00\x01"
    path = str(other).encode() + bytes(len(str(other)) % 2)
    alias = (
        bytes(10 + 28 + 12 + 64 + 16 + 4 + 16) + (2).to_bytes(2) + len(path).to_bytes(2) + path + b"\xff\xff\x00\x00"
    )
    pointer = (12 + len(alias)).to_bytes(4) + b"alis" + bytes(4) + alias
    with pytest.MonkeyPatch.context() as patch:
        opened: list[object] = []
        patch.setattr("genre_batch.decode.av_decoder._refuse", lambda *asked: opened.append(asked))
        assert reason(grown(data, entry, pointer), "mp4") is RejectReason.CORRUPT
    assert opened == []


def grown(data: bytes, old: bytes, new: bytes) -> bytes:
    """`data` with the box `old` replaced by the longer `new`, and the sizes of all boxes around it put right."""
    at = data.index(old)
    result = bytearray(data[:at] + new + data[at + len(old) :])
    for kind in (b"moov", b"trak", b"mdia", b"minf", b"dinf", b"dref"):
        size_at = data.rindex(kind, 0, at) - 4
        size = int.from_bytes(data[size_at : size_at + 4]) + len(new) - len(old)
        result[size_at : size_at + 4] = size.to_bytes(4)
    return bytes(result)
