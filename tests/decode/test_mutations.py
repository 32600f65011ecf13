"""Files with random damage, through the sandbox: each becomes samples or a typed reject, and nothing else happens."""

import random
import struct
from collections import Counter

import numpy as np
import pytest
from audio_samples import chirp, encode

from genre_batch.catalog.reject import Reject, RejectReason, Stage, TrackRejected
from genre_batch.decode.sandbox import Sandbox

FORMATS = ["wav", "flac", "mp3_vbr", "ogg", "m4a", "opus", "aiff", "alac", "wma", "ogg_flac"]
MUTATIONS_PER_FORMAT = 50
ALLOWED = {
    *(RejectReason.UNSUPPORTED, RejectReason.CORRUPT, RejectReason.TRUNCATED, RejectReason.TOO_SHORT),
    *(RejectReason.TOO_LONG, RejectReason.NOT_FINITE, RejectReason.EMPTY, RejectReason.DECODER_CRASH),
}


def mutate(data: bytes, dice: random.Random) -> bytes:
    """`data` with one kind of damage: flipped bytes, a forged header, a cut, a hole, a doubled or a swapped part."""
    damaged = bytearray(data)
    start, end = sorted(dice.randrange(len(data)) for _ in range(2))
    match dice.randrange(7):
        case 0:
            for _ in range(dice.randint(1, 50)):
                damaged[dice.randrange(len(data))] = dice.randrange(256)
        case 1:
            for _ in range(dice.randint(1, 12)):
                damaged[dice.randrange(min(400, len(data)))] = dice.choice([0, 1, 0x7F, 0x80, 0xFF])
        case 2:
            return bytes(damaged[:end])
        case 3:
            damaged[start:end] = bytes(end - start)
        case 4:
            damaged[start:end] = damaged[start:end] * 2
        case 5:
            del damaged[start:end]
        case _:
            damaged[start:end] = dice.randbytes(end - start)
    return bytes(damaged)


@pytest.mark.slow
@pytest.mark.parametrize("encoding", FORMATS)
def test_every_mutated_file_ends_in_samples_or_a_typed_reject(encoding: str) -> None:
    original = encode(chirp(8.0, 48_000), 48_000, encoding)
    dice = random.Random(f"mutations of {encoding}")
    outcomes: Counter[str | Reject] = Counter()
    with Sandbox("sandbox_handlers:decode", deadline_s=20.0, memory_bytes=512 << 20) as box:
        for _ in range(MUTATIONS_PER_FORMAT):
            outcomes[outcome(box, mutate(original, dice))] += 1
        assert outcome(box, original) == "samples"
    rejects = [found for found in outcomes if isinstance(found, Reject)]
    assert rejects
    assert not [reject for reject in rejects if reject.reason not in ALLOWED or reject.stage is not Stage.DECODE]
    crashes = [reject for reject in rejects if reject.reason is RejectReason.DECODER_CRASH]
    assert sum(outcomes[crash] for crash in crashes) <= MUTATIONS_PER_FORMAT // 10


def outcome(box: Sandbox, data: bytes) -> str | Reject:
    try:
        answer = box.call(b"a track", lambda start, length: data[start : start + length], len(data))
    except TrackRejected as rejected:
        return rejected.reject
    rate, count = struct.unpack_from("<II", answer)
    samples = np.frombuffer(answer, np.float32, offset=8)
    assert 0.5 * rate <= count == len(samples) <= 5 * rate
    assert np.isfinite(samples).all()
    return "samples"
