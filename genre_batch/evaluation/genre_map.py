"""The genres of a labelled corpus in the words of a model: for corpora with another taxonomy."""

from collections.abc import Mapping, Sequence
from dataclasses import replace

import yaml
from pydantic import TypeAdapter, ValidationError

from genre_batch.catalog.corpora import LabelledTrack
from genre_batch.catalog.reject import printable
from genre_batch.errors import UsageError
from genre_batch.model.taxonomy_map import TaxonomyMap
from genre_batch.storage.open_store import open_store
from genre_batch.storage.store import StorageError

GenreMap = Mapping[str, str | None]
"""A genre of the model for each genre of the corpus; None leaves its tracks out."""

_FILE: TypeAdapter[dict[str, str | None]] = TypeAdapter(dict[str, str | None])


def read_genre_map(uri: str) -> GenreMap:
    """The map in the YAML or JSON file at `uri`. Raises UsageError if it cannot be read or is not such a map."""
    try:
        return _FILE.validate_python(yaml.safe_load(open_store(uri).read(uri)), strict=True)
    except StorageError as error:
        raise UsageError(f"the map of genres {uri} cannot be read: {error}", "check the path") from error
    except (yaml.YAMLError, UnicodeDecodeError, RecursionError, ValidationError) as error:
        raise UsageError(
            f"{uri} is not a map of genres",
            "give one line for each genre of the corpus, such as `Hip Hop: hiphop`, or `Spoken: null` to leave it out",
        ) from error


def map_to_new_labels(
    tracks: Sequence[LabelledTrack], mapping: TaxonomyMap, genres: Sequence[str]
) -> list[LabelledTrack]:
    """The tracks with what a taxonomy map makes of their genres; one that is not in `genres` may be a new label."""
    return [
        replace(labelled, genre=mapping.mapped[labelled.genre]) if labelled.genre in genres else labelled
        for labelled in tracks
    ]


def map_genres(tracks: Sequence[LabelledTrack], genre_map: GenreMap, known: Sequence[str]) -> list[LabelledTrack]:
    """The tracks with the model's genres, without those that the map leaves out.

    A genre that the map does not name keeps its name. Raises UsageError if the map names a genre that the model does
    not have in `known`, or one that no track has.
    """
    wrong = sorted({genre for genre in genre_map.values() if genre is not None and genre not in known})
    if wrong:
        raise UsageError(
            f"the map of genres names {printable(wrong[0])!r}, which the model does not know",
            f"it knows {', '.join(known)}",
        )
    unused = sorted(set(genre_map) - {labelled.genre for labelled in tracks})
    if unused:
        raise UsageError(
            f"the map of genres names {printable(unused[0])!r}, which no labelled track has",
            "correct the name, or remove its line",
        )
    renamed = [(labelled, genre_map.get(labelled.genre, labelled.genre)) for labelled in tracks]
    return [replace(labelled, genre=genre) for labelled, genre in renamed if genre is not None]
