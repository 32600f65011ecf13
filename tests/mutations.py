"""Seeded damage to audio files, decoded in the actors' sandbox.

    PYTHONPATH=.:tests python tests/mutations.py [--formats wav,flac] [--first 0] [--count 1000]

Prints a line for each seed that ends neither with segments nor with one of the expected rejects, then a count of all
outcomes.
"""

import argparse
import json
import random
import struct
import sys
from collections import Counter
from collections.abc import Iterator
from contextlib import closing
from functools import cache

from audio_samples import chirp, encode

from genre_batch.catalog.reject import RejectReason, TrackRejected
from genre_batch.catalog.track import Track
from genre_batch.decode.window import Window
from genre_batch.features.front_ends.log_mel import LogMelFrontEnd
from genre_batch.features.sandboxed import SandboxedFrontEnd

FORMATS = ("wav", "flac", "flac_24", "mp3_vbr", "ogg", "m4a", "opus", "aiff", "alac", "wma", "ogg_flac")
FORMATS += ("adts", "ac3", "eac3", "matroska", "webm", "caf", "tta", "wavpack")
FRONT_END = LogMelFrontEnd(window=Window(length_s=3.0, min_offset_s=2, max_offset_s=2), segment_frames=128)
ALLOWED = {
    *(RejectReason.UNSUPPORTED, RejectReason.CORRUPT, RejectReason.TRUNCATED, RejectReason.TOO_SHORT),
    *(RejectReason.TOO_LONG, RejectReason.NOT_FINITE, RejectReason.EMPTY, RejectReason.SILENT),
    *(RejectReason.DECODER_CRASH, RejectReason.DECODER_TIMEOUT),
}
_FORGED = (0, 1, 0x7F, 0x80, 0xFF)
_FORGED_WORDS = (0, 1, 0x7FFF_FFFF, 0x8000_0000, 0xFFFF_FFFF, 0xFFFF_FFF0)


@cache
def original(encoding: str) -> bytes:
    return encode(chirp(6.0, 48_000), 48_000, encoding)


def mutant(encoding: str, seed: int) -> bytes:
    """The file with the damage of `seed`: flipped bits, forged headers, or parts cut, zeroed, doubled or replaced."""
    dice = random.Random(f"{encoding} {seed}")
    data = bytearray(original(encoding))
    for _ in range(dice.choice((1, 1, 1, 2, 3))):
        data = dice.choice((_with_forged_bytes, _with_moved_parts))(data, dice) if len(data) >= 8 else data
    return bytes(data)


def _with_forged_bytes(data: bytearray, dice: random.Random) -> bytearray:
    size, head = len(data), min(600, len(data))
    match dice.randrange(3):
        case 0:
            for _ in range(dice.randint(1, 50)):
                data[dice.randrange(size)] ^= 1 << dice.randrange(8)
        case 1:
            for _ in range(dice.randint(1, 12)):
                data[dice.randrange(head)] = dice.choice(_FORGED)
        case _:
            at = dice.randrange(head - 4)
            struct.pack_into(dice.choice("<>") + "I", data, at, dice.choice(_FORGED_WORDS))
    return data


def _with_moved_parts(data: bytearray, dice: random.Random) -> bytearray:
    start, end = sorted(dice.randrange(len(data)) for _ in range(2))
    match dice.randrange(6):
        case 0:
            del data[end:]
        case 1:
            data[start:end] = bytes(end - start)
        case 2:
            data[start:end] = data[start:end] * 2
        case 3:
            del data[start:end]
        case 4:
            other = original(dice.choice(FORMATS))
            data[start:] = other[min(start, len(other)) :]
        case _:
            data[start:end] = dice.randbytes(end - start)
    return data


def outcomes(encoding: str, seeds: range) -> Iterator[tuple[int, str]]:
    """Each seed with `scored` or the reason of the reject.

    Afterwards the undamaged original must still be scored.
    """
    with closing(SandboxedFrontEnd(FRONT_END, deadline_s=60.0)) as sandboxed:
        for seed in seeds:
            yield seed, _outcome(sandboxed, mutant(encoding, seed))
        assert _outcome(sandboxed, original(encoding)) == "scored"


def _outcome(sandboxed: SandboxedFrontEnd, data: bytes) -> str:
    try:
        found = sandboxed.extract(
            Track("track", "/track", "etag", len(data)), lambda start, length: data[start : start + length]
        )
    except TrackRejected as rejected:
        return rejected.reject.reason
    assert 1 <= len(found.segments) <= FRONT_END.max_segments
    return "scored"


def replay(encoding: str, seed: int) -> str:
    """The command that repeats one seed."""
    return f"PYTHONPATH=.:tests python tests/mutations.py --formats {encoding} --first {seed} --count 1"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--formats", default=",".join(FORMATS))
    parser.add_argument("--first", type=int, default=0)
    parser.add_argument("--count", type=int, default=100)
    given = parser.parse_args()
    counts: Counter[str] = Counter()
    for encoding in given.formats.split(","):
        for seed, outcome in outcomes(encoding, range(given.first, given.first + given.count)):
            counts[outcome] += 1
            if outcome not in {"scored", *ALLOWED - {RejectReason.DECODER_CRASH, RejectReason.DECODER_TIMEOUT}}:
                sys.stdout.write(f"{outcome}: {replay(encoding, seed)}\n")
    sys.stdout.write(f"{json.dumps(counts)}\n")


if __name__ == "__main__":
    main()
