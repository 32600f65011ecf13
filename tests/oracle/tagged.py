"""Tags, zeros and other bytes in front of, behind and between the sound."""

from collections.abc import Iterator
from dataclasses import replace
from functools import partial

from oracle.bases import BASES, Base
from oracle.case import Case
from oracle.own_bytes import apev2, id3v1, id3v2, id3v2_with_footer, lyrics3, noise, without_first_frame

from genre_batch.decode.audio_file import FORMATS

_FRAME_FORMATS = ("mp3", "mp3_vbr", "mp3_bare", "mp2", "aac", "ac3", "eac3")
_FRONT = {
    "id3v2": id3v2(300),
    "id3v2_of_100_kb": id3v2(100_000),
    "two_id3v2": id3v2(5_000) + id3v2(200),
    "id3v2_and_zeros": id3v2(1_000) + bytes(20_000),
    "zeros": bytes(70_000),
    "id3v2_of_plain_length": id3v2(70_000, plain_length=True),
    "apev2": apev2(3_000),
    "id3v2_with_footer_and_apev2": id3v2_with_footer(7_001) + apev2(3_000),
}
_BEHIND = {
    "id3v1": id3v1(),
    "apev2_and_id3v1": apev2(60_000) + id3v1(),
    "lyrics3": lyrics3(),
    "zeros": bytes(100_000),
    "one_zero": b"\0",
    "zeros_and_id3v1": bytes(5_000) + id3v1(),
    "id3v1_and_zeros": id3v1() + bytes(5_000),
    "apev2_of_300_kb": apev2(300_000),
    "id3v2": id3v2(2_000),
    "id3v2_with_footer": id3v2_with_footer(20_000),
    "noise": noise(2_000),
}
_NOT_BEHIND = {("apev2_of_300_kb", "fragments"), ("noise", "amr")}


def cases() -> Iterator[Case]:
    """All of them."""
    for name, base in BASES.items():
        for tag, data in _FRONT.items():
            yield _case(f"{tag} in front of {name}", base, data, b"")
        for tag, data in _BEHIND.items():
            yield _case(f"{tag} behind {name}", base, b"", data)
        yield _case(f"tags around {name}", base, id3v2(40_000), apev2(1_000) + id3v1())
    for name in _FRAME_FORMATS:
        base = BASES[name]
        yield _case(f"noise in front of {name}", base, noise(8_000, 4).replace(b"\xff", b"\xfe"), b"")
        yield replace(_case(f"tags between the frames of {name}", base, b"", b""), data=partial(_tags_between, base))
    yield replace(_case("no first frame of mp3", BASES["mp3"], b"", b""), data=_bare_mp3)


def _case(name: str, base: Base, front: bytes, behind: bytes) -> Case:
    return _lenient(Case(name, lambda: front + base.data() + behind, correlation=base.correlation), name)


def _lenient(case: Case, name: str) -> Case:
    """Encoders without a header that declares their delay, and tables that are no more precise."""
    if "adpcm" in name:
        return replace(case, duration_off_s=0.1)
    if "mp3" in name or "mp2" in name:
        return replace(case, duration_off_s=0.12, late_s=0.3)
    return replace(case, late_s=0.07)


def _tags_between(base: Base) -> bytes:
    """A tag of 3,000 bytes where a third and two thirds of the frames end."""
    data = base.data()
    cuts = [_frame_after(data, len(data) * third // 3) for third in (1, 2)]
    tag = apev2(3_000).replace(b"\xff", b"\xfe").replace(b"\x0b", b"\x0c")
    return data[: cuts[0]] + tag + data[cuts[0] : cuts[1]] + tag + data[cuts[1] :]


def _frame_after(data: bytes, at: int) -> int:
    found = [audio_format.search(data[at : at + 50_000]) for audio_format in FORMATS if audio_format.search]
    return at + min(offset for offset in found if offset is not None)


def _bare_mp3() -> bytes:
    return without_first_frame(BASES["mp3"].data())
