"""Lists of tracks that say which are trained on, calibrated on and tested on, as the fault-filtered GTZAN lists do."""

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path, PurePosixPath

from pydantic import BaseModel, ConfigDict, Field

from genre_batch.catalog.corpora import LabelledTrack
from genre_batch.errors import UsageError
from genre_batch.training.progress import tell


class SplitFiles(BaseModel):
    """Text files with the path of a track a line. The suffix does not matter, nor what stands before the folder."""

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True)

    train: str = Field(min_length=1)
    valid: str = Field(min_length=1)
    test: str = Field(min_length=1)


def parts_of(tracks: Sequence[LabelledTrack], files: SplitFiles | None) -> list[LabelledTrack]:
    """The tracks that lists name, each with its `part`; without `files` the corpus itself must say the parts.

    A line means the track with the same file name, with or without the suffix, and, where several have it, the one in
    the folder of the same name. Lines that mean no track are told on stderr. Raises UsageError where a list cannot be
    read, a line could mean several tracks, or a track is in two lists.
    """
    if files is None:
        return [labelled for labelled in tracks if labelled.part]
    by_stem: dict[str, list[LabelledTrack]] = defaultdict(list)
    for labelled in tracks:
        by_stem[_path(labelled).stem].append(labelled)
    found: dict[str, LabelledTrack] = {}
    for part, file in (("train", files.train), ("valid", files.valid), ("test", files.test)):
        lines = _lines(file)
        named_tracks = [(line, _named(line, by_stem, file)) for line in lines]
        unknown = [line for line, named in named_tracks if named is None]
        if unknown:
            tell(f"{len(unknown)} of {len(lines)} lines of {file} mean no track here, the first is {unknown[0]!r}")
        for line, named in named_tracks:
            if named is None:
                continue
            before = found.setdefault(named.track.track_id, replace(named, part=part))
            if before.part != part:
                raise UsageError(f"{line!r} is in the {before.part} list and in the {part} list", "mend the lists")
    return [found[labelled.track.track_id] for labelled in tracks if labelled.track.track_id in found]


def _named(line: str, by_stem: dict[str, list[LabelledTrack]], file: str) -> LabelledTrack | None:
    path = PurePosixPath(line)
    candidates = by_stem.get(path.name) or by_stem.get(path.stem, [])
    if len(candidates) > 1:
        candidates = [labelled for labelled in candidates if _path(labelled).parent.name == path.parent.name]
    if len(candidates) > 1:
        raise UsageError(f"{line!r} of {file} could mean several tracks", "give the files names that differ")
    return candidates[0] if candidates else None


def _path(labelled: LabelledTrack) -> PurePosixPath:
    return PurePosixPath(labelled.track.uri)


def _lines(file: str) -> list[str]:
    try:
        text = Path(file).expanduser().read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise UsageError(f"the list {file} cannot be read: {error}", "give text files with a path a line") from error
    return [line.strip() for line in text.splitlines() if line.strip()]
