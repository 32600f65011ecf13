"""A config file that explains itself: every setting with its value, and above it what it means."""

import math
import textwrap
from collections.abc import Iterator

import yaml
from pydantic import BaseModel

from genre_batch.settings.notes import notes_of

_WIDTH = 100


def commented(settings: BaseModel, heading: str) -> str:
    """`settings` as YAML that loads to the same values, each with its note; `heading` is the comment at the top."""
    return "\n".join([*_comment(heading, ""), *_lines(settings, "")]) + "\n"


def _lines(settings: BaseModel, indent: str) -> Iterator[str]:
    notes, plain = notes_of(type(settings)), settings.model_dump(mode="json")
    # what a user has to give comes first
    for name, field in sorted(type(settings).model_fields.items(), key=lambda item: not item[1].is_required()):
        if name not in plain:  # another setting replaces it
            continue
        value = getattr(settings, name)
        if not indent and not field.is_required():
            yield ""
        if name in notes:
            yield from _comment(notes[name], indent)
        if isinstance(value, BaseModel):
            yield f"{indent}{name}:"
            yield from _lines(value, f"{indent}  ")
        else:
            entry = yaml.safe_dump({name: plain[name]}, allow_unicode=True, width=math.inf)
            yield textwrap.indent(entry.rstrip("\n"), indent)


def _comment(text: str, indent: str) -> list[str]:
    lead = f"{indent}# "
    return textwrap.wrap(text[:1].upper() + text[1:], _WIDTH, initial_indent=lead, subsequent_indent=lead)
