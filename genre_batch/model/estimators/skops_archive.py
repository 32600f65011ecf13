"""scikit-learn models as bytes without pickle, and back, from files that may be hostile.

skops trusts more than classifiers are made of: every scikit-learn estimator, every ufunc, random generators. A file
also chooses which of its loaders, old ones included, reads which part. So every part of a file is first compared with a
closed list of loaders and types; only then is skops called, which makes its own audit in addition.
"""

import io
import json
import re
import zipfile
from collections.abc import Iterator
from typing import TYPE_CHECKING, Final

from genre_batch.errors import UsageError

if TYPE_CHECKING:
    from sklearn.base import ClassifierMixin

MAX_BYTES: Final = 1 << 30
"""The largest size that a file may unpack to."""

_PARTS = frozenset(
    {
        ("DictNode", "builtins.dict"),
        ("JsonNode", "builtins.str"),
        ("ListNode", "builtins.list"),
        ("TupleNode", "builtins.tuple"),
        ("TypeNode", "builtins.str"),
        ("NdArrayNode", "numpy.float64"),
        ("NdArrayNode", "numpy.int64"),
        ("NdArrayNode", "numpy.ndarray"),
    }
)
FOREST: Final = "sklearn.ensemble._forest.RandomForestClassifier"
SVM: Final = "sklearn.svm._classes.SVC"
NEIGHBOURS: Final = "sklearn.neighbors._classification.KNeighborsClassifier"
_TREE = "sklearn.tree._tree.Tree"
_TYPES = {
    FOREST: {
        ("ObjectNode", FOREST),
        ("ObjectNode", "sklearn.tree._classes.DecisionTreeClassifier"),
        ("TreeNode", _TREE),
    },
    SVM: {("ObjectNode", SVM)},
    NEIGHBOURS: {("ObjectNode", NEIGHBOURS)},
}
"""By type of model: the loaders and types it is made of, besides numbers, strings, lists and arrays."""

_SCHEMA = "schema.json"
_MARKS = ("__loader__", "__module__", "__class__")
_NUMBER = re.compile(r'("(?:__id__|file)": "?)(\d+)')
_LONG_AGO = (1980, 1, 1, 0, 0, 0)

Json = str | int | float | bool | None | list["Json"] | dict[str, "Json"]


def dump_model(model: "ClassifierMixin") -> bytes:
    """`model` in the format of skops, packed: the same bytes for the same model.

    skops names the parts after their address in memory and stamps the archive with the time; both are replaced here.
    """
    import skops.io

    numbers: dict[str, str] = {}
    target = io.BytesIO()
    with zipfile.ZipFile(io.BytesIO(skops.io.dumps(model))) as parts, zipfile.ZipFile(target, "w") as archive:
        schema = parts.read(_SCHEMA).decode()
        numbered = _NUMBER.sub(lambda at: at[1] + numbers.setdefault(at[2], str(len(numbers) + 1)), schema)
        _add(archive, _SCHEMA, numbered.encode())
        for address, number in numbers.items():
            if f"{address}.npy" in parts.NameToInfo:
                _add(archive, f"{number}.npy", parts.read(f"{address}.npy"))
    return target.getvalue()


def load_model(data: bytes, kind: str) -> "ClassifierMixin":
    """The model of type `kind` (FOREST, SVM or NEIGHBOURS) that `data` holds.

    Raises UsageError if a part of it is of another type, which the message names, or the file is damaged.
    """
    import skops.io

    try:
        _check_parts(data, kind)
        foreign = set(skops.io.get_untrusted_types(data=data)) - {_TREE}
        if foreign:
            raise _foreign(min(foreign))
        model: ClassifierMixin = skops.io.loads(data, trusted=[_TREE] if kind == FOREST else [])
    except UsageError:
        raise
    except Exception as error:
        detail = f"{type(error).__name__} {error}".splitlines()[0]
        raise UsageError(f"model.skops of the model bundle is damaged: {detail}", "train the bundle again") from error
    if _name(model) != kind:
        raise _foreign(_name(model))
    return model


def _name(model: object) -> str:
    return f"{type(model).__module__}.{type(model).__qualname__}"


def _check_parts(data: bytes, kind: str) -> None:
    with zipfile.ZipFile(io.BytesIO(data)) as archive:
        size = sum(member.file_size for member in archive.infolist())
        if size > MAX_BYTES:
            raise UsageError(f"model.skops of the model bundle unpacks to {size:,} bytes", f"at most {MAX_BYTES:,}")
        schema: Json = json.loads(archive.read(_SCHEMA))
    allowed = _PARTS | _TYPES[kind]
    for loader, name in _parts(schema):
        if (loader, name) not in allowed:
            raise _foreign(f"{name} ({loader})")


def _parts(node: Json) -> Iterator[tuple[str, str]]:
    """Loader and type of every part below `node`."""
    if isinstance(node, dict):
        if any(mark in node for mark in _MARKS):
            loader, module, name = (str(node.get(mark)) for mark in _MARKS)
            yield loader, f"{module}.{name}"
        for child in node.values():
            yield from _parts(child)
    elif isinstance(node, list):
        for child in node:
            yield from _parts(child)


def _add(archive: zipfile.ZipFile, name: str, data: bytes) -> None:
    archive.writestr(zipfile.ZipInfo(name, _LONG_AGO), data, zipfile.ZIP_DEFLATED)


def _foreign(name: str) -> UsageError:
    return UsageError(
        f"model.skops of the model bundle holds the foreign type {name}, which is not loaded",
        "use bundles from a source you trust, made by `genre-batch train`",
    )
