"""Decoding through libav, from whole, damaged and hostile files."""

import io
from fractions import Fraction
from pathlib import Path

import av
import numpy as np
import pytest
from audio_samples import chirp, encode
from oracle.encoders import Av, encode_sound

from genre_batch.catalog.reject import RejectReason, TrackRejected
from genre_batch.decode.audio_file import FORMATS
from genre_batch.decode.audio_format import MPEG_CODECS, PCM_CODECS, Libav
from genre_batch.decode.av_decoder import AvReader

CODECS = MPEG_CODECS | PCM_CODECS
for decoder in (decoder for audio_format in FORMATS for decoder in audio_format.decoders):
    CODECS |= decoder.codecs if isinstance(decoder, Libav) else frozenset()

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


def opened(data: bytes, demuxer: str) -> AvReader:
    """With every decoder that may run in any format."""
    return AvReader(io.BytesIO(data), Libav(demuxer, CODECS))


def reason(data: bytes, demuxer: str) -> RejectReason:
    with pytest.raises(TrackRejected) as caught:
        opened(data, demuxer)
    return caught.value.reject.reason


@pytest.mark.parametrize("encoding", FILES)
@pytest.mark.parametrize("channels", [1, 2])
def test_reads_any_part(encoding: str, channels: int) -> None:
    data = encode(chirp(8.0, 48_000, channels, noise=0.0), 48_000, encoding)
    reader = opened(data, FILES[encoding])
    assert (reader.sample_rate, reader.channels) == (48_000, channels)
    assert reader.frames == pytest.approx(8 * 48_000, abs=0.06 * 48_000)
    whole = reader.read(0, reader.frames)
    reader.close()
    for start, count in ((200_000, 100_000), (10, 20), (48_000, 0), (0, 48_000), (30_000, 9_000), (123_457, 1)):
        part = opened(data, FILES[encoding]).read(start, count)
        assert len(part) == count
        np.testing.assert_allclose(part, whole[start : start + count], atol=1e-5)


@pytest.mark.parametrize("channels", [6, 8, 16])
def test_more_channels_than_a_libav_frame_has_pointers_for_are_mixed(channels: int) -> None:
    """Above 8 the pointers are stored elsewhere; at 8 PyAV takes what follows them for further pointers."""
    sound = np.zeros((96_000, channels), np.float32)
    sound[:, -1] = chirp(2.0, 48_000, 1, noise=0.0)[:, 0]
    reader = opened(encode(sound, 48_000, "ogg"), "ogg")
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


def test_the_sound_of_a_video_is_read() -> None:
    alone = opened(video(None, "aac"), "mp4")
    beside = opened(video("mpeg4", "aac"), "mp4")
    assert beside.frames == alone.frames
    np.testing.assert_allclose(beside.read(0, beside.frames), alone.read(0, alone.frames), atol=1e-5)


def test_a_video_without_sound_is_unsupported() -> None:
    assert reason(video("mpeg4", None), "mp4") is RejectReason.UNSUPPORTED


def test_a_codec_that_no_format_lists_does_not_run() -> None:
    data = encode_sound(Av("wav", "adpcm_yamaha"), 48_000, chirp(2.0, 48_000))
    assert reason(data, "wav") is RejectReason.UNSUPPORTED


@pytest.mark.parametrize("demuxer", ["mp4", "ogg", "asf", "mp3", "wav"])
@pytest.mark.parametrize(
    "data", [b"", bytes(5000), b"ffconcat version 1.0\nfile /etc/passwd\n", b"#EXTM3U\n/etc/passwd\n"]
)
def test_other_files_are_rejected(demuxer: str, data: bytes) -> None:
    assert reason(data, demuxer) in (RejectReason.CORRUPT, RejectReason.UNSUPPORTED)


def test_a_reference_to_another_file_is_not_followed(tmp_path: Path) -> None:
    """The index says that the samples are in another file, which exists. It is not opened."""
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
    """`data` with the box `old` replaced by the longer `new`, and the sizes of all boxes around it corrected."""
    at = data.index(old)
    result = bytearray(data[:at] + new + data[at + len(old) :])
    for kind in (b"moov", b"trak", b"mdia", b"minf", b"dinf", b"dref"):
        size_at = data.rindex(kind, 0, at) - 4
        size = int.from_bytes(data[size_at : size_at + 4]) + len(new) - len(old)
        result[size_at : size_at + 4] = size.to_bytes(4)
    return bytes(result)


def test_a_codec_that_the_format_does_not_list_does_not_run() -> None:
    data = encode(chirp(1.0), 44_100, "m4a")
    with pytest.raises(TrackRejected, match="no decoder for aac"):
        AvReader(io.BytesIO(data), Libav("mp4", frozenset({"alac"})))
    assert AvReader(io.BytesIO(data), Libav("mp4", frozenset({"aac"}))).channels == 2


XHE_FRAME = bytes.fromhex("94a140000012936586")
"""One frame of xHE-AAC (USAC), mono, with noise in its lowest 20 bands, of 1024 samples."""

XHE_CONFIG = bytes.fromhex("f948242100")


def xhe_aac(frame: bytes) -> bytes:
    """An MP4 file of 200 such frames, whose object type is 42."""
    target = io.BytesIO()
    with av.open(target, "w", format="mp4") as file:
        stream = file.add_stream("aac", rate=44_100, layout="mono")
        for number in range(200):
            packet = av.Packet(frame)
            packet.stream, packet.time_base = stream, Fraction(1, 44_100)
            packet.pts = packet.dts = 1024 * number
            packet.duration = 1024
            file.mux(packet)
    return target.getvalue().replace(bytes.fromhex("120856e500"), XHE_CONFIG)


def test_xhe_aac_is_decoded() -> None:
    reader = opened(xhe_aac(XHE_FRAME), "mp4")
    assert (reader.sample_rate, reader.channels, reader.frames) == (44_100, 1, 200 * 1024)
    samples = reader.read(44_100, 88_200)
    assert len(samples) == 88_200
    assert 0.01 < np.sqrt(np.mean(samples**2)) < 1.0


def test_what_libav_has_not_implemented_of_a_codec_is_unsupported() -> None:
    other_tool = b"\xb4" + XHE_FRAME[1:]
    with pytest.raises(TrackRejected, match=r"aac \(xHE-AAC\) only in part") as caught:
        opened(xhe_aac(other_tool), "mp4")
    assert caught.value.reject.reason is RejectReason.UNSUPPORTED


def adts(sound: np.ndarray, rate: int) -> bytes:
    """AAC frames with ADTS headers, each of which may have a rate and channels of its own."""
    target = io.BytesIO()
    with av.open(target, "w", format="adts") as file:
        layout = {1: "mono", 2: "stereo"}[sound.shape[1]]
        stream = file.add_stream("aac", rate=rate, layout=layout)
        frame = av.AudioFrame.from_ndarray(np.ascontiguousarray(sound.T), format="fltp", layout=layout)
        frame.sample_rate, frame.pts, frame.time_base = rate, 0, Fraction(1, rate)
        resampler = av.AudioResampler("fltp", layout, rate, 1024)
        for piece in (*resampler.resample(frame), *resampler.resample(None)):
            file.mux(stream.encode(piece))
        file.mux(stream.encode(None))
    return target.getvalue()


def test_channels_may_change_within_a_stream() -> None:
    first, second = chirp(3.0, 48_000, 1), chirp(5.0, 48_000, 2)
    reader = AvReader(io.BytesIO(adts(first, 48_000) + adts(second, 48_000)), Libav("aac", frozenset({"aac"})))
    mono = reader.read(0, 8 * 48_000)
    assert best_match(second.mean(axis=1)[48_000:96_000], mono) > 0.99


def test_the_rate_may_change_within_a_stream() -> None:
    first, second = chirp(3.0, 48_000), chirp(6.0, 24_000, noise=0.0)
    reader = AvReader(io.BytesIO(adts(first, 48_000) + adts(second, 24_000)), Libav("aac", frozenset({"aac"})))
    mono = reader.read(0, 8 * 48_000)
    assert reader.sample_rate == 48_000
    assert best_match(second[:, 0][24_000:48_000], mono[::2]) > 0.99


def best_match(part: np.ndarray, whole: np.ndarray) -> float:
    """The correlation of `part` [k] with the stretch of `whole` [n] that resembles it most."""
    size = len(whole) + len(part)
    products = np.fft.irfft(np.fft.rfft(whole, size) * np.conj(np.fft.rfft(part, size)), size)[: len(whole) - len(part)]
    at = int(np.argmax(products))
    return float(np.corrcoef(part, whole[at : at + len(part)])[0, 1])
