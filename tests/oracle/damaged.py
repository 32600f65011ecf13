"""Cut and damaged files, and files that are no music."""

from collections.abc import Iterator
from functools import partial

from oracle.bases import BASES
from oracle.case import Case
from oracle.own_bytes import id3v2, noise, with_bytes
from oracle.song import Piece

_CUT_AT = (0.5, 0.9)
_FREE = frozenset({"scored", "corrupt", "truncated", "not_finite"})
_NO_MUSIC = {
    "nothing": (b"", "empty"),
    "zeros": (bytes(100_000), "unsupported"),
    "noise": (noise(100_000), "unsupported"),
    "text": (b"#EXTM3U\nsong.mp3\n" * 100, "unsupported"),
    "a tag alone": (id3v2(50_000), "unsupported"),
    "a picture": (b"\x89PNG\r\n\x1a\n" + noise(50_000), "unsupported"),
    "a page": (b"<html><body>not found</body></html>", "unsupported"),
    "MIDI": (b"MThd\x00\x00\x00\x06\x00\x01\x00\x02" + bytes(500), "unsupported"),
    "an archive": (b"PK\x03\x04" + noise(5_000), "unsupported"),
}


def cases() -> Iterator[Case]:
    """All of them."""
    for name, base in BASES.items():
        for part in _CUT_AT:
            is_counted = base.cut == "scored"
            pieces = (Piece("song", 0.0, 40.0 * part),)
            yield Case(
                f"{part} of {name}",
                partial(_cut, name, part),
                pieces,
                frozenset({base.cut, "corrupt"} if name in ("m4a", "alac", "3gp") else {base.cut}),
                correlation=base.correlation - 0.01,
                duration_off_s=1.5 if is_counted else 0.05,
                late_s=0.1,
            )
        off_s = 20.0 if name == "amr" else 1.5  # nothing in AMR says where a frame begins after noise
        yield Case(f"noise in {name}", partial(_with_noise, name), (Piece("song"),), _FREE, 0.0, duration_off_s=off_s)
        yield Case(
            f"100 bytes of {name}",
            partial(_head, name),
            outcome=frozenset({"corrupt", "truncated", "unsupported", "too_short"}),
        )
    for name, (data, reason) in _NO_MUSIC.items():
        yield Case(name, lambda data=data: data, outcome=frozenset({reason}))


def _cut(name: str, part: float) -> bytes:
    data = BASES[name].data()
    return data[: int(len(data) * part)]


def _with_noise(name: str) -> bytes:
    data = BASES[name].data()
    return with_bytes(data, len(data) * 6 // 10, noise(3_000, 5))


def _head(name: str) -> bytes:
    return BASES[name].data()[:100]
