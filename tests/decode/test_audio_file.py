"""Formats by their first bytes; whole files; windows by their location against the file decoded from its start."""

import io
import random
from functools import partial
from pathlib import Path

import numpy as np
import pytest
from audio_samples import ENCODINGS, chirp, encode

from genre_batch.catalog.reject import RejectReason, TrackRejected
from genre_batch.decode import formats
from genre_batch.decode.audio_file import FORMATS, SMALL_BYTES, AudioFile, discover_formats, open_audio
from genre_batch.decode.audio_format import Checked, Format
from genre_batch.decode.decoder import decode_window
from genre_batch.decode.window import Window
from genre_batch.storage.ranged_file import RangedFile

NAMES = {
    **{name: "wav" for name in ENCODINGS if name.startswith("wav")},
    **dict.fromkeys(("mp3", "mp3_vbr", "mp3_untagged"), "mp3"),
    **dict.fromkeys(("m4a", "alac", "fragmented_m4a"), "m4a"),
    **dict.fromkeys(("flac", "flac_24"), "flac"),
    "ogg": "ogg_vorbis",
    "opus": "ogg_opus",
    **{name: name for name in ("rf64", "w64", "aiff", "au", "caf", "ogg_flac", "wma", "ac3", "eac3", "tta", "wavpack")},
    "adts": "aac",
    **dict.fromkeys(("matroska", "webm"), "matroska"),
}


def opened(data: bytes) -> AudioFile:
    audio = open_audio(io.BytesIO(data), len(data))
    assert audio is not None
    return audio


def tag(body_bytes: int) -> bytes:
    size = bytes(body_bytes >> shift & 0x7F for shift in (21, 14, 7, 0))
    return b"ID3\x04\x00\x00" + size + bytes(body_bytes)


@pytest.mark.parametrize("encoding", ENCODINGS)
def test_every_format_is_recognized(encoding: str) -> None:
    audio = opened(encode(chirp(1.0, 48_000), 48_000, encoding))
    assert (audio.format.name, audio.offset) == (NAMES[encoding], 0)


@pytest.mark.parametrize(
    "head",
    [
        b"",
        b"\0" * 5000,
        b"#EXTM3U\nhttp://169.254.169.254/latest/\n",
        b"ffconcat version 1.0\nfile /etc/passwd\n",
        b"<?xml version='1.0'?><MPD/>",
        b"<html><body>404",
        b"%PDF-1.7",
        b"\xff\xd8\xff\xe0\x00\x10JFIF",
        b"\x89PNG\r\n\x1a\n",
        b"PK\x03\x04",
        b"RIFF\x00\x00\x00\x00AVI LIST",
        b"FORM\x00\x00\x00\x00ILBM",
        b"OggS\x00\x02" + bytes(20) + b"\x01\x08Speex   ",
        b"ID3",
        b"\xff\xfb",
        b"\xff\xfe" + "text in UTF-16".encode("utf-16-le"),
    ],
)
def test_other_files_have_no_format(head: bytes) -> None:
    assert open_audio(io.BytesIO(head), len(head)) is None


def test_noise_is_not_mpeg_audio() -> None:
    dice = random.Random(2)
    assert not [n for n in range(300) if open_audio(io.BytesIO(dice.randbytes(16_384)), 16_384) is not None]


@pytest.mark.parametrize("tags", [[0], [1000], [20_000], [3_000_000], [100, 5_000, 70_000]])
@pytest.mark.parametrize("encoding", ["mp3", "flac", "wav"])
def test_id3_tags_of_any_size_are_skipped(tags: list[int], encoding: str) -> None:
    sound = encode(chirp(0.5), 44_100, encoding)
    audio = opened(b"".join(tag(size) for size in tags) + sound)
    assert (audio.format.name, audio.size_bytes) == (NAMES[encoding], len(sound))
    assert audio.offset == sum(10 + size for size in tags)
    assert audio.source.read() == sound


def test_padding_before_mpeg_frames_is_skipped() -> None:
    sound = encode(chirp(0.5), 44_100, "mp3")
    audio = opened(tag(50) + bytes(3000) + sound)
    assert (audio.format.name, audio.offset, audio.size_bytes) == ("mp3", 3060, len(sound))


def test_a_tag_longer_than_the_file_means_it_was_cut() -> None:
    data = tag(100_000)[:5000]
    with pytest.raises(TrackRejected) as caught:
        open_audio(io.BytesIO(data), len(data))
    assert caught.value.reject.reason is RejectReason.TRUNCATED


def test_only_so_many_tags_are_skipped() -> None:
    sound = encode(chirp(0.5), 44_100, "mp3")
    for tags, found in ((15, True), (16, False)):
        data = tag(10) * tags + sound
        assert (open_audio(io.BytesIO(data), len(data)) is not None) is found


@pytest.mark.parametrize("before", [bytes(8192), bytes(200_000), b"<html>" * 4000])
def test_mpeg_frames_are_found_after_kilobytes_of_something_else(before: bytes) -> None:
    sound = encode(chirp(1.0), 44_100, "mp3")
    audio = opened(tag(50) + before + sound)
    assert (audio.format.name, audio.offset, audio.size_bytes) == ("mp3", 60 + len(before), len(sound))


@pytest.mark.parametrize("encoding", ["flac", "wav", "ogg"])
def test_zeros_before_a_file_are_skipped(encoding: str) -> None:
    audio = opened(bytes(30_000) + encode(chirp(1.0), 44_100, encoding))
    assert (audio.format.name, audio.offset) == (NAMES[encoding], 30_000)


@pytest.mark.parametrize("body_bytes", [200, 20_000, 1_000_000])
def test_a_tag_whose_length_uses_all_eight_bits(body_bytes: int) -> None:
    sound = encode(chirp(1.0), 44_100, "mp3")
    audio = opened(b"ID3\3\0\0" + body_bytes.to_bytes(4, "big") + b"x" * body_bytes + sound)
    assert (audio.format.name, audio.offset) == ("mp3", 10 + body_bytes)


def test_a_module_in_formats_is_all_that_a_new_format_takes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Formats without magic bytes come after all others, whatever their module is called."""
    (tmp_path / "a_new_format.py").write_text(
        "from genre_batch.decode.audio_format import Format, Libav\n"
        "FORMATS = tuple(\n"
        "    Format(name, sniff=lambda head: None, decoders=(Libav('x', frozenset()),), has_magic=magic)\n"
        "    for name, magic in (('weak', False), ('strong', True))\n"
        ")\n"
    )
    monkeypatch.setattr(formats, "__path__", [*formats.__path__, str(tmp_path)])
    assert [audio_format.name for audio_format in discover_formats()] == [
        "strong",
        *(audio_format.name for audio_format in FORMATS if audio_format.has_magic),
        "weak",
        *(audio_format.name for audio_format in FORMATS if not audio_format.has_magic),
    ]


@pytest.mark.parametrize("encoding", [name for name in ENCODINGS if name not in ("mp3_untagged", "ogg_flac")])
def test_whole_files_pass_without_remarks(encoding: str) -> None:
    found = opened(encode(chirp(2.0, 48_000), 48_000, encoding)).check_whole()
    assert found.decoders == ()
    if encoding in ("flac", "flac_24", "tta", "wavpack"):
        assert found.frames == 2 * 48_000
    elif encoding in ("adts", "ac3", "eac3"):
        assert found.rate == 48_000
        assert found.frames == pytest.approx(2 * 48_000, abs=3 * 1536)
    else:
        assert found == Checked()


@pytest.mark.parametrize("name", ["wav", "rf64", "w64", "aiff", "au", "flac", "mp3", "m4a"])
def test_a_header_without_content_is_corrupt(name: str) -> None:
    with pytest.raises(TrackRejected) as caught:
        AudioFile(by_name(name), io.BytesIO(bytes(11)), 11, 0).check_whole()
    assert caught.value.reject.reason is RejectReason.CORRUPT


def by_name(name: str) -> Format:
    return next(audio_format for audio_format in FORMATS if audio_format.name == name)


RATE = 48_000
SMALL = 100_000
PART = Window(length_s=4.0, min_offset_s=15, max_offset_s=15)
LATE = Window(length_s=4.0, min_offset_s=100, max_offset_s=100)
EARLY = Window(length_s=4.0, min_offset_s=0, max_offset_s=0)
LOCATED = ["mp3", "mp3_untagged", "flac", "wav", "aiff", "ogg", "opus", "m4a"]


@pytest.fixture(scope="module")
def files() -> dict[str, bytes]:
    sound = chirp(24.0, RATE)
    found = {encoding: encode(sound, RATE, encoding) for encoding in LOCATED}
    assert min(map(len, found.values())) > SMALL
    return found


@pytest.fixture
def small(monkeypatch: pytest.MonkeyPatch) -> None:
    """Files of 24 s count as large, so that there is less to encode."""
    monkeypatch.setattr("genre_batch.decode.audio_file.SMALL_BYTES", SMALL)
    monkeypatch.setattr("genre_batch.decode.formats.ogg._SMALL_BYTES", SMALL)


@pytest.mark.usefixtures("small")
@pytest.mark.parametrize("encoding", LOCATED)
@pytest.mark.parametrize("window", [PART, LATE, EARLY])
@pytest.mark.parametrize("prefix", [0, 300_001])
def test_a_located_window_has_the_same_samples_and_takes_few_bytes(
    files: dict[str, bytes], encoding: str, window: Window, prefix: int
) -> None:
    data = (tag(prefix) if prefix and encoding in ("mp3", "flac") else b"") + files[encoding]
    file = RangedFile(lambda start, length: data[start : start + length], len(data))
    part = decode_window(io.BufferedReader(file), len(data), "a", window)
    whole = decode_window(io.BytesIO(data), len(data), "a", Window(length_s=1000.0))
    start = round(part.facts.window_start_s * RATE)
    wanted = whole.samples[start : start + len(part.samples)]
    assert part.facts.duration_s == whole.facts.duration_s
    assert len(wanted) == len(part.samples)
    assert np.mean(np.abs(part.samples - wanted) < 1e-5) > (0.95 if encoding == "m4a" else 0.9999)
    if encoding != "mp3_untagged":  # its length is looked for in the last 256 KiB, most of so short a file
        assert file.fetched_bytes < 0.8 * len(data)


@pytest.mark.usefixtures("small")
@pytest.mark.parametrize("encoding", LOCATED)
def test_damage_has_the_same_outcome_without_a_location_unless_it_precedes_the_window(
    files: dict[str, bytes], encoding: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    dice = random.Random(encoding)
    for _ in range(6):
        data = bytearray(files[encoding])
        head, at = dice.randrange(200), dice.randrange(len(data))
        data[head] ^= dice.randrange(256)
        data[at : at + 3000] = dice.randbytes(3000)
        data = data[: dice.choice([len(data), len(data) // 2, len(data) - 1000])]
        located = outcome(bytes(data))
        with monkeypatch.context() as patch:
            patch.setattr("genre_batch.decode.audio_file.SMALL_BYTES", len(data))
            plain = outcome(bytes(data))
        assert located == plain or (located == "samples" and at + 3000 < 0.7 * len(data))


def outcome(data: bytes) -> str:
    try:
        decode_window(io.BytesIO(data), len(data), "a", PART)
    except TrackRejected as rejected:
        return rejected.reject.reason
    return "samples"


@pytest.mark.parametrize("audio_format", FORMATS, ids=lambda audio_format: audio_format.name)
def test_random_bytes_have_no_location(audio_format: Format) -> None:
    noise = random.Random(1).randbytes(SMALL_BYTES + 1)
    audio = AudioFile(audio_format, io.BytesIO(noise), len(noise), 0)
    assert audio.locate(partial(PART.spans_s, "a")) is None


def test_only_large_files_have_a_location() -> None:
    span = partial(PART.spans_s, "a")
    assert opened(encode(chirp(5.0), 44_100, "wav")).locate(span) is None
    assert opened(encode(chirp(7.0), 44_100, "wav")).locate(span) is not None
