"""Nothing in a hostile file is run, and the message names the foreign type."""

import io
import json
import zipfile
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import skops.io
from separable import GENRES, separable
from sklearn.linear_model import LogisticRegression
from sklearn.preprocessing import FunctionTransformer

from genre_batch.errors import UsageError
from genre_batch.model.estimators.forest import ForestSettings
from genre_batch.model.estimators.neighbours import NeighboursSettings
from genre_batch.model.estimators.skops_archive import FOREST, MAX_BYTES, NEIGHBOURS, dump_model, load_model

Node = dict[str, object]


@pytest.fixture(scope="module")
def good() -> bytes:
    return NeighboursSettings().fit(*separable(), GENRES, seed=0).weights()


def _rewritten(data: bytes, change: Callable[[dict[str, Node]], None], **more: bytes) -> bytes:
    """`data` with its schema changed in place, and `more` files."""
    target = io.BytesIO()
    with zipfile.ZipFile(io.BytesIO(data)) as source, zipfile.ZipFile(target, "w", zipfile.ZIP_DEFLATED) as archive:
        schema = json.loads(source.read("schema.json"))
        change(schema)
        archive.writestr("schema.json", json.dumps(schema))
        for name in source.namelist():
            if name != "schema.json":
                archive.writestr(name, more.get(name.replace(".", "_"), source.read(name)))
    return target.getvalue()


def _json(value: object) -> Node:
    return {"__class__": "str", "__module__": "builtins", "__loader__": "JsonNode", "content": json.dumps(value)}


def _list(kind: str, *items: Node) -> Node:
    return {"__class__": kind.lower(), "__module__": "builtins", "__loader__": f"{kind}Node", "content": list(items)}


def _dict() -> Node:
    plain: Node = {"__class__": "dict", "__module__": "builtins", "__loader__": "DictNode", "content": {}}
    return plain | {"key_types": _list("List")}


def _part(loader: str, module: str, name: str, **content: object) -> Node:
    return {"__class__": name, "__module__": module, "__loader__": loader, **content}


def _touch(canary: Path) -> dict[str, Node]:
    """Parts that would make the file `canary`, or run something, with each loader of skops that can call."""
    command, opened = _json(f"touch {canary}"), _json(f"open({str(canary)!r}, 'w')")
    system, evaluate = _part("FunctionNode", "os", "system"), _part("FunctionNode", "builtins", "eval")
    call = {"args": _list("Tuple", command), "kwds": _dict(), "namespace": _json(None)}
    method = _list("Tuple", _json("touch"), _json(str(canary)))
    state = {"bit_generator": _dict() | {"content": {"bit_generator": _json("seed")}}, "seed_seq": _dict()}
    return {
        "os.system": system,
        "builtins.eval": evaluate,
        "functools.partial": _part("PartialNode", "functools", "partial", content={"func": system, **call}),
        "operator.methodcaller": _part("OperatorFuncNode", "operator", "methodcaller", attrs=method),
        "subprocess.Popen": _part("ConstructorFromReduceNode", "subprocess", "Popen", content=_list("Tuple", command)),
        "builtins.exec": _part("ConstructorFromReduceNode", "builtins", "exec", content=_list("Tuple", opened)),
        "pathlib.Path": _part("ObjectNode", "pathlib", "Path", content=_dict()),
        "builtins.eval of a type": _part("TypeNode", "builtins", "eval"),
        "builtins.str of a method": _part("MethodNode", "builtins", "str", content={"func": "format", "obj": command}),
        "numpy.random._generator.Generator": _part(
            "RandomGeneratorNode", "numpy.random._generator", "Generator", content=state
        ),
        "sklearn.linear_model._logistic.LogisticRegression": _part(
            "ObjectNode", "sklearn.linear_model._logistic", "LogisticRegression", content=_dict()
        ),
        "numpy.sin": _part("FunctionNode", "numpy", "sin"),
        "collections.defaultdict": _part("DefaultDictNode", "collections", "defaultdict", content={}),
        "builtins.list under another loader": _part("ObjectNode", "builtins", "list"),
        "os.system in a list": _part("ListNode", "os", "system", content=[command]),
    }


@pytest.mark.parametrize("protocol", [0, 1, 2])
@pytest.mark.parametrize("name", sorted(_touch(Path("x"))))
def test_a_foreign_part_is_named_and_never_run(name: str, protocol: int, good: bytes, tmp_path: Path) -> None:
    canary = tmp_path / "canary"

    def plant(schema: dict[str, Node]) -> None:
        attributes = schema["content"]["content"]
        assert isinstance(attributes, dict)
        attributes["metric_params"] = _touch(canary)[name]
        schema.update(protocol=protocol)  # type: ignore[call-overload]

    with pytest.raises(UsageError, match=rf"foreign type {name.split(maxsplit=1)[0]} "):
        load_model(_rewritten(good, plant), NEIGHBOURS)
    assert not canary.exists()


def test_skops_trusts_more_than_this_list() -> None:
    """Why the list is there: to skops the first of these is harmless."""
    trusted = skops.io.dumps(LogisticRegression())
    assert skops.io.get_untrusted_types(data=trusted) == []
    for data in (trusted, skops.io.dumps(FunctionTransformer(np.sin))):
        with pytest.raises(UsageError, match=r"foreign type sklearn\."):
            load_model(data, NEIGHBOURS)


def test_a_whole_model_that_is_only_a_list_or_number_is_refused() -> None:
    for value in ([1, 2], 3, {"a": 1}, np.ones(3)):
        with pytest.raises(UsageError, match="foreign type"):
            load_model(skops.io.dumps(value), NEIGHBOURS)


def test_more_bytes_than_any_model_are_not_unpacked(good: bytes) -> None:
    target = io.BytesIO()
    with zipfile.ZipFile(target, "w", zipfile.ZIP_DEFLATED, compresslevel=1) as archive:
        with zipfile.ZipFile(io.BytesIO(good)) as source:
            archive.writestr("schema.json", source.read("schema.json"))
        with archive.open("1.npy", "w", force_zip64=True) as part:
            for _ in range(MAX_BYTES // (1 << 26) + 1):
                part.write(bytes(1 << 26))
    assert len(target.getvalue()) < MAX_BYTES // 100
    with pytest.raises(UsageError, match=r"unpacks to 1,1\d\d,\d{3},\d{3} bytes"):
        load_model(target.getvalue(), NEIGHBOURS)


def test_an_array_that_declares_more_than_there_is_is_damage(good: bytes) -> None:
    header = io.BytesIO()
    np.lib.format.write_array_header_1_0(header, {"descr": "<f8", "fortran_order": False, "shape": (1 << 41,)})
    with zipfile.ZipFile(io.BytesIO(good)) as source:
        arrays = {name.replace(".", "_"): header.getvalue() for name in source.namelist() if name.endswith(".npy")}
    with pytest.raises(UsageError, match="damaged"):
        load_model(_rewritten(good, lambda schema: None, **arrays), NEIGHBOURS)


def test_an_array_of_pickles_is_damage(good: bytes) -> None:
    pickled = io.BytesIO()
    np.save(pickled, np.array([{"a": 1}], dtype=object), allow_pickle=True)
    with zipfile.ZipFile(io.BytesIO(good)) as source:
        arrays = {name.replace(".", "_"): pickled.getvalue() for name in source.namelist() if name.endswith(".npy")}
    with pytest.raises(UsageError, match="damaged"):
        load_model(_rewritten(good, lambda schema: None, **arrays), NEIGHBOURS)


@pytest.mark.parametrize(
    "change",
    [
        lambda schema: schema.clear(),
        lambda schema: schema.pop("__loader__"),
        lambda schema: schema["content"].update(content=[]),
        lambda schema: schema["content"].pop("key_types"),
        lambda schema: schema.update(protocol=99),
        lambda schema: schema.update(protocol="newest"),
    ],
)
def test_a_schema_that_makes_no_sense_is_refused(change: Callable[[dict[str, Node]], None], good: bytes) -> None:
    with pytest.raises(UsageError):
        load_model(_rewritten(good, change), NEIGHBOURS)


def test_a_schema_nested_without_end_is_damage() -> None:
    target = io.BytesIO()
    with zipfile.ZipFile(target, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("schema.json", '{"content":' * 200_000 + "1" + "}" * 200_000)
    with pytest.raises(UsageError, match="damaged"):
        load_model(target.getvalue(), NEIGHBOURS)


def test_a_forest_needs_no_more_than_the_list(tmp_path: Path) -> None:
    forest = ForestSettings(trees=2).fit(*separable(), GENRES, seed=0)
    assert skops.io.get_untrusted_types(data=dump_model(forest.model)) == ["sklearn.tree._tree.Tree"]
    assert type(load_model(dump_model(forest.model), FOREST)) is type(forest.model)
