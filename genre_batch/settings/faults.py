"""Wrong settings in one sentence, and the nearest right one as the hint."""

from collections.abc import Mapping
from difflib import get_close_matches

from pydantic import BaseModel, ValidationError
from pydantic_core import ErrorDetails

from genre_batch.errors import UsageError
from genre_batch.model.manifest import key_path
from genre_batch.settings.json_schema import Schema
from genre_batch.settings.values import allowed_values

_MOST_SUGGESTIONS = 3


def fault(kind: type[BaseModel], error: ValidationError, names: Mapping[str, str], what: str) -> UsageError:
    """The error that names every wrong setting by its path, or by the user's argument for it.

    names: arguments of the command line by the setting they stand for. what: what the settings are, for the message.
    """
    details = error.errors()
    missing = [str(each["loc"][0]) for each in details if _is_missing(each, names)]
    others = [each for each in details if not _is_missing(each, names)]
    arguments = _listed([names[key] for key in missing])
    absent = [f"{arguments} {'are' if ' and ' in arguments else 'is'} missing"] if missing else []
    if not others:
        keys = _listed([f"`{key}`" for key in missing])
        return UsageError(absent[0], f"give {arguments} on the command line, or {keys} in a --config file")
    return UsageError(f"{what}: " + "; ".join([*absent, *map(_message, others)]), _hint(Schema(kind), others[0]))


def _is_missing(detail: ErrorDetails, names: Mapping[str, str]) -> bool:
    """Whether an argument of the command line was not given."""
    return detail["type"] == "missing" and key_path(detail["loc"]) in names


def _listed(words: list[str]) -> str:
    """The words, each once: "a", "a and b", "a, b and c"."""
    *others, last = dict.fromkeys(words) or [""]
    return f"{', '.join(others)} and {last}" if others else last


def _message(detail: ErrorDetails) -> str:
    words = {"extra_forbidden": "unknown key", "missing": "is required", "union_tag_not_found": "`name` is required"}
    message = detail["msg"].removeprefix("Value error, ")
    if detail["type"] == "union_tag_invalid":
        message = f"unknown `name` {detail['ctx']['tag']!r}"
    message = words.get(detail["type"], message[:1].lower() + message[1:])
    # a fault of several settings together has no path
    return f"{key_path(detail['loc'])}: {message}" if detail["loc"] else message


def _hint(schema: Schema, detail: ErrorDetails) -> str:
    """The nearest known keys for an unknown one, else the values that the setting takes."""
    location = detail["loc"]
    if not location:
        return "see configs/ for examples"
    if detail["type"] != "extra_forbidden":
        node = schema.find(location)
        return f"{key_path(location)} takes {allowed_values(schema, node)}" if node else "see configs/ for examples"
    group = key_path(location[:-1])
    beside = [f"{group}.{name}" if group else name for name in schema.keys_at(location[:-1])]
    if near := nearest(key_path(location), beside, schema.keys()):
        return f"did you mean {' or '.join(near)}?"
    return f"known keys: {', '.join(beside)}"


def nearest(key: str, beside: list[str], everywhere: list[str]) -> list[str]:
    """The known keys that `key` may stand for, at most three: the same name elsewhere, or a similar one.

    A similar name in the same group (`beside`) is preferred to one elsewhere.
    """
    name = key.rpartition(".")[2]
    if key in everywhere:  # of another member of a union
        return []
    same = [other for other in everywhere if other.rpartition(".")[2] == name]
    return (same or _similar(name, beside)[:1] or _similar(name, everywhere))[:_MOST_SUGGESTIONS]


def _similar(name: str, keys: list[str]) -> list[str]:
    """Those of the dotted `keys` whose last part is most like `name`."""
    by_name: dict[str, list[str]] = {}
    for key in keys:
        by_name.setdefault(key.rpartition(".")[2], []).append(key)
    found = get_close_matches(name, by_name, n=1, cutoff=0.6)
    return by_name[found[0]] if found else []
