"""The recipes by name: files of train settings that come with the package. Loads nothing heavy."""

import re
from importlib import resources
from pathlib import Path

from genre_batch.errors import UsageError

DEFAULT_RECIPE = "musicnn"
_SENTENCE_END = re.compile(r"\.(?=\s|$)")


def recipe_names() -> list[str]:
    """The recipes that come with the package, sorted."""
    return sorted(path.stem for path in _folder().glob("*.yaml"))


def recipe_file(name: str) -> Path:
    """The train settings of the recipe `name`. Raises UsageError if there is no such recipe."""
    if name not in recipe_names():
        raise UsageError(f"there is no recipe {name!r}", f"the recipes are {', '.join(recipe_names())}")
    return _folder() / f"{name}.yaml"


def recipe_summary(name: str) -> str:
    """What the recipe `name` is: the first sentence of the comment at the top of its file."""
    lines = recipe_file(name).read_text(encoding="utf-8").splitlines()
    comment = " ".join(line.removeprefix("# ") for line in lines[: _first_setting(lines)])
    return _SENTENCE_END.split(comment)[0]


def _first_setting(lines: list[str]) -> int:
    return next(number for number, line in enumerate(lines) if not line.startswith("#"))


def _folder() -> Path:
    """Next to the code if the package is installed, next to the package in a checkout."""
    package = Path(str(resources.files("genre_batch")))
    return package / "recipes" if (package / "recipes").is_dir() else package.parent / "configs" / "train"
