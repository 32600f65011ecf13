"""The recipes by name: files of train settings that come with the package."""

import re
from importlib import resources
from pathlib import Path

import yaml
from pydantic import TypeAdapter, ValidationError

from genre_batch.errors import UsageError
from genre_batch.features.front_end import DescriptorFrontEnd, FrontEnd
from genre_batch.model.bundle import DEFAULT_BUNDLE, MANIFEST_FILE, load_bundle

_FRONT_END: TypeAdapter[FrontEnd] = TypeAdapter(FrontEnd)
_NOT_IN_A_NAME = re.compile(r"[^a-z0-9._-]+")


def recipe_names() -> list[str]:
    """The recipes that come with the package, sorted."""
    return sorted(path.stem for path in _folder().glob("*.yaml"))


def recipe_file(name: str) -> Path:
    """The train settings of the recipe `name`. Raises UsageError where there is no such recipe."""
    path = _folder() / f"{name}.yaml"
    if name not in recipe_names():
        raise UsageError(f"there is no recipe {name!r}", f"there are {', '.join(recipe_names())}")
    return path


def descriptors_of(recipe: str) -> tuple[str, DescriptorFrontEnd]:
    """The name of a recipe, fit for a path, and its front end, not standardised.

    recipe: a name, a YAML file of train settings, or the folder of a bundle. Raises UsageError where it cannot be read
    or its front end is not one of descriptors.
    """
    name, front_end = _read(recipe)
    if not isinstance(front_end, DescriptorFrontEnd):
        raise UsageError(
            f"the recipe {recipe} has no descriptors: its front end is {front_end.name}",
            "take one whose front end is `descriptors`, such as descriptor_mlp",
        )
    return _NOT_IN_A_NAME.sub("-", name.lower()).strip("-.") or "descriptors", front_end.whole()


def _read(recipe: str) -> tuple[str, FrontEnd]:
    if recipe.endswith((".yaml", ".yml")):
        return Path(recipe).stem, _front_end_in(Path(recipe))
    if recipe == DEFAULT_BUNDLE or "/" in recipe or (Path(recipe) / MANIFEST_FILE).is_file():
        manifest = load_bundle(recipe).manifest
        return manifest.name, manifest.front_end
    return recipe, _front_end_in(recipe_file(recipe))


def _front_end_in(path: Path) -> FrontEnd:
    try:
        tree = yaml.safe_load(path.read_text(encoding="utf-8"))
        return _FRONT_END.validate_python(tree["front_end"])
    except OSError as error:
        raise UsageError(f"cannot read {path}: {error.strerror}", "check the path") from error
    except (yaml.YAMLError, UnicodeDecodeError, RecursionError, TypeError, KeyError, ValidationError) as error:
        raise UsageError(f"{path} has no valid front_end", "see configs/train/ for examples") from error


def _folder() -> Path:
    """Beside the code where the package is installed, beside the package in a checkout."""
    package = Path(str(resources.files("genre_batch")))
    return package / "recipes" if (package / "recipes").is_dir() else package.parent / "configs" / "train"
