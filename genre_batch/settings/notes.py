"""What each setting means, as the docstrings of the settings' classes say it: "key: what it does. other: ..."."""

import re
from inspect import cleandoc

from pydantic import BaseModel

_NOTE = re.compile(r"(?:^|(?<=\s))((?:\w+, )*\w+):\s")


def notes_of(kind: type[BaseModel]) -> dict[str, str]:
    """The notes of the settings of `kind` and of the classes it derives from, by key."""
    notes: dict[str, str] = {}
    for parent in reversed(kind.__mro__):
        if issubclass(parent, BaseModel) and parent is not BaseModel:
            notes |= _notes_in(cleandoc(parent.__doc__ or ""), set(kind.model_fields))
    return notes


def _notes_in(text: str, keys: set[str]) -> dict[str, str]:
    """The notes in `text`; one that names several keys counts for each of them. A note ends at a blank line."""
    marks = [mark for mark in _NOTE.finditer(text) if set(mark[1].split(", ")) <= keys]
    ends = [*(mark.start() for mark in marks), len(text)][1:]
    notes: dict[str, str] = {}
    for mark, end in zip(marks, ends, strict=True):
        note = " ".join(text[mark.end() : end].split("\n\n", maxsplit=1)[0].split()).rstrip(".;")
        notes |= dict.fromkeys(mark[1].split(", "), note)
    return notes
