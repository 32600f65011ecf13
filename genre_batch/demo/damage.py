"""What goes wrong with files in real catalogs, done on purpose."""

from enum import StrEnum

import numpy as np


class Damage(StrEnum):
    """A kind of damage to the bytes of a good file."""

    EMPTIED = "emptied"
    TRUNCATED = "truncated"
    OVERWRITTEN = "overwritten"
    PLAYLIST = "playlist"


def damage(content: bytes, kind: Damage) -> bytes:
    """What is left of `content`; random bytes are the same for the same length."""
    match kind:
        case Damage.EMPTIED:
            return b""
        case Damage.TRUNCATED:
            return content[: len(content) * 2 // 5]
        case Damage.OVERWRITTEN:
            return np.random.default_rng(len(content)).bytes(len(content))
        case Damage.PLAYLIST:
            return b"#EXTM3U\n#EXTINF:180,Not audio at all\n../elsewhere/track.mp3\n"
