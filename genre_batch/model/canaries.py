"""Canaries: a few short audio files that a bundle keeps, with the answers that they had when they were added.

A run scores them at its start and its end as it scores tracks. Golden vectors check the front end and the network; a
canary also notices another decoder or resampler, and what changes while a run works.
"""

import io
import json
import re
import zipfile
from collections.abc import Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass
from importlib import resources
from typing import Annotated

import numpy as np
from pydantic import BaseModel, ConfigDict, Field

from genre_batch.catalog.reject import TrackRejected
from genre_batch.catalog.track import Track
from genre_batch.errors import UsageError
from genre_batch.features.sandboxed import SandboxedFrontEnd
from genre_batch.model.bundle import CANARIES_FILE, Bundle
from genre_batch.model.golden import GivesLogits
from genre_batch.model.scores import GenreProbability, pooled_answers

CANARY_TOLERANCE = {"fp32": 0.02, "fp16": 0.03, "bf16": 0.07}
"""How far a probability of a canary may be from the expected one, by precision: golden vectors may differ, too."""

MOST_CANARY_BYTES = 4 << 20
"""Of all clips of a bundle together: every actor loads them."""

CLIP_DEADLINE_S = 60.0

_INDEX = "canaries.json"
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,63}", re.ASCII)
_MOST_FILES = 17
_FIXED_DATE = (1980, 1, 1, 0, 0, 0)


class _Index(BaseModel):
    """The expected probabilities of each clip by genre, the most probable first."""

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True)

    clips: dict[str, Annotated[dict[str, float], Field(min_length=1)]] = Field(min_length=1)


@dataclass(frozen=True, slots=True)
class Canary:
    """One clip. name: of its file. data: its bytes. probabilities: what is expected, by genre."""

    name: str
    data: bytes
    probabilities: Mapping[str, float]

    @property
    def genre(self) -> str:
        """The most probable genre that is expected."""
        return max(self.probabilities, key=self.probabilities.__getitem__)

    def track(self) -> Track:
        """The clip as a track; its id decides where its window begins."""
        return Track(self.name, f"canary:{self.name}", "", len(self.data))

    def read(self, start: int, length: int) -> bytes:
        """The bytes of the clip from `start` to `start + length`."""
        return self.data[start : start + length]

    def change(self, top_k: Sequence[GenreProbability]) -> float:
        """The largest difference of a probability in `top_k` from the expected one."""
        return max(abs(probability - self.probabilities.get(genre, 0.0)) for genre, probability in top_k)


def read_canaries(bundle: Bundle) -> tuple[Canary, ...]:
    """The canaries of the bundle; none if it has none. Raises UsageError if its file does not hold them."""
    data = bundle.files.get(CANARIES_FILE)
    if data is None:
        return ()
    try:
        with zipfile.ZipFile(io.BytesIO(data)) as archive:
            members = archive.infolist()
            stored = all(member.compress_type == zipfile.ZIP_STORED for member in members)
            if not stored or len(members) > _MOST_FILES or sum(each.file_size for each in members) > len(data):
                raise ValueError("not as it was written")
            index = _Index.model_validate_json(archive.read(_INDEX))
            found = tuple(Canary(name, archive.read(name), expected) for name, expected in index.clips.items())
    except (ValueError, KeyError, EOFError, OSError, RuntimeError, NotImplementedError, zipfile.BadZipFile) as error:
        raise UsageError(
            f"{CANARIES_FILE} of the model bundle {bundle.uri} does not hold its canaries",
            "add them again: genre-batch canaries BUNDLE",
        ) from error
    unknown = {genre for canary in found for genre in canary.probabilities} - set(bundle.manifest.taxonomy.genres)
    if unknown:
        raise UsageError(
            f"{CANARIES_FILE} of the model bundle {bundle.uri} expects {min(unknown)!r}, "
            "which is not one of its genres",
            "add the canaries again: genre-batch canaries BUNDLE",
        )
    return found


def make_canaries(bundle: Bundle, predictor: GivesLogits, clips: Mapping[str, bytes]) -> bytes:
    """The bytes of canaries.zip for these clips, by name, as `bundle` answers them now; `predictor` runs in fp32.

    Raises UsageError for too many or too large clips, a name that is not plain, or a clip that cannot be scored.
    """
    _check_clips(clips)
    manifest, expected = bundle.manifest, {}
    with closing(SandboxedFrontEnd(manifest.front_end, CLIP_DEADLINE_S)) as front_end:
        for name, data in clips.items():
            clip = Canary(name, data, {})
            try:
                segments = front_end.extract(clip.track(), clip.read).segments
            except TrackRejected as rejected:
                reason = f"{rejected.reject.reason}: {rejected.reject.message}"
                raise UsageError(f"the canary {name} cannot be scored, {reason}", "give another clip") from rejected
            rows, temperature = np.zeros(len(segments), np.int32), manifest.calibration.temperature
            loudness = manifest.loudness(segments)
            answer = pooled_answers(predictor.logits(segments), loudness, rows, 1, temperature)[0]
            order = np.argsort(-answer, kind="stable")
            expected[name] = {manifest.taxonomy.genres[place]: round(float(answer[place]), 6) for place in order}
    return _packed(expected, clips)


def project_clips() -> dict[str, bytes]:
    """The clips that bundles get by default, by name: synthesised, so that nobody else has rights to them."""
    folder = resources.files("genre_batch.model") / "clips"
    return {clip.name: clip.read_bytes() for clip in sorted(folder.iterdir(), key=lambda clip: clip.name)}


def _packed(expected: dict[str, dict[str, float]], clips: Mapping[str, bytes]) -> bytes:
    """The same bytes for the same content."""
    target = io.BytesIO()
    with zipfile.ZipFile(target, "w", zipfile.ZIP_STORED) as archive:
        index = json.dumps({"clips": expected}, indent=1).encode() + b"\n"
        for name, data in {_INDEX: index, **clips}.items():
            archive.writestr(zipfile.ZipInfo(name, _FIXED_DATE), data)
    return target.getvalue()


def _check_clips(clips: Mapping[str, bytes]) -> None:
    if not 0 < len(clips) < _MOST_FILES:
        raise UsageError(f"{len(clips)} canaries", f"give 1 to {_MOST_FILES - 1} clips")
    size_bytes = sum(map(len, clips.values()))
    if size_bytes > MOST_CANARY_BYTES:
        limit = MOST_CANARY_BYTES >> 20
        raise UsageError(f"the canaries have {size_bytes:,} bytes, over {limit} MiB", "a few seconds of each suffice")
    for name in clips:
        if not _NAME.fullmatch(name) or name == _INDEX:
            raise UsageError(f"a canary cannot be called {name!r}", "use letters, digits, dots and dashes")
