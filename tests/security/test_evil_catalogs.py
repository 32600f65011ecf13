"""Catalogs, settings and models to adopt: what they bring along is never run, and refused in one sentence."""

import io
import json
import pickle
from collections.abc import Callable, Iterator
from pathlib import Path

import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from exported_models import kept_elsewhere, linear_onnx, save_ast
from security.evil_files import Bomb, pickled

from genre_batch.catalog.listing import Listing
from genre_batch.catalog.source import list_tracks
from genre_batch.cli import main
from genre_batch.errors import DamageFound
from genre_batch.storage.local import LocalStore

ROOT = Path(__file__).parents[2]
KINDS = sorted(pickled(Bomb(Path("x"))))


@pytest.fixture
def mark(tmp_path: Path) -> Iterator[Path]:
    """A file that must not be there in the end."""
    yield tmp_path / "executed"
    assert not (tmp_path / "executed").exists()


@pytest.fixture
def refused(capsys: pytest.CaptureFixture[str]) -> Callable[..., str]:
    """What a verb says when it ends with exit code 2: one sentence and one hint, and nothing on stdout."""

    def run(*words: str | Path, exit_code: int = 2) -> str:
        capsys.readouterr()
        with pytest.raises(SystemExit) as ended:
            main([str(word) for word in words])
        printed = capsys.readouterr()
        assert ended.value.code == exit_code, printed.err
        assert printed.out == ""
        assert [line.partition(":")[0] for line in printed.err.splitlines()] == ["error", "hint"]
        return printed.err

    return run


def _extension(mark: Path, name: bytes, *, inside: bool) -> pa.Table:
    payload = pickle.dumps(Bomb(mark))
    field = pa.field("uri", pa.string(), metadata={b"ARROW:extension:name": name, b"ARROW:extension:metadata": payload})
    if not inside:
        return pa.table({"uri": ["a.mp3"]}, schema=pa.schema([field]))
    struct = pa.struct([field])
    return pa.table({"uri": ["a.mp3"], "more": pa.array([{"uri": "x"}], struct)})


@pytest.fixture(autouse=True)
def _types_of_pandas() -> None:
    """Let pandas tell Arrow of its extension types, as it does in any process that has used Parquet with it."""
    pd.DataFrame({"uri": ["a"]}).to_parquet(io.BytesIO())


@pytest.mark.parametrize("inside", [False, True])
@pytest.mark.parametrize("name", [b"arrow.py_extension_type", b"pandas.period", b"anything"])
@pytest.mark.parametrize("verb", ["index", "score", "train", "evaluate"])
def test_extension_types_of_a_parquet_file_are_refused(
    verb: str, name: bytes, inside: bool, mark: Path, refused: Callable[..., str]
) -> None:
    catalog = mark.parent / "catalog.parquet"
    pq.write_table(_extension(mark, name, inside=inside), catalog)
    more = {
        "train": ["--config", ROOT / "configs" / "train" / "descriptor_knn.yaml"],
        "evaluate": [],
    }
    words = ["evaluate", "default", catalog] if verb == "evaluate" else [verb, catalog, mark.parent / "out"]
    assert "extension type" in refused(*words, *more.get(verb, []))


def test_pandas_metadata_with_pickles_is_not_looked_at(mark: Path, refused: Callable[..., str]) -> None:
    table = pa.table({"uri": ["gone.mp3"], "more": [pickle.dumps(Bomb(mark))]})
    notes = {b"pandas": pickle.dumps(Bomb(mark)), b"ARROW:schema": b"not base64 \x80\x04"}
    pq.write_table(table.replace_schema_metadata(notes), mark.parent / "catalog.parquet", store_schema=False)
    assert [track.size_bytes for track in list_tracks(str(mark.parent / "catalog.parquet"))] == [-1]


@pytest.mark.parametrize("suffix", ["csv", "parquet"])
@pytest.mark.parametrize("kind", KINDS)
def test_a_pickle_is_no_catalog(kind: str, suffix: str, mark: Path, refused: Callable[..., str]) -> None:
    (mark.parent / f"catalog.{suffix}").write_bytes(pickled(Bomb(mark))[kind])
    refused("index", mark.parent / f"catalog.{suffix}", mark.parent / "out")
    assert not (mark.parent / "out").exists()


def test_a_listing_that_was_swapped_is_damage(mark: Path) -> None:
    folder = mark.parent / "listing"
    folder.mkdir()
    for name in ("listing.json", "part-00000.parquet"):
        (folder / name).write_bytes(pickle.dumps(Bomb(mark)))
    with pytest.raises(DamageFound):
        Listing(LocalStore(), f"{folder}/")


@pytest.mark.parametrize(
    "text",
    [
        "source: !!python/object/apply:os.system ['touch {mark}']",
        "!!python/object/new:subprocess.Popen [['touch', '{mark}']]",
        "source: !!python/name:os.system",
        "source: !!python/module:os",
        "extract: !!python/tuple [1, 2]",
        "a: &a [*a, *a]",
        "{nested}",
    ],
    ids=range(7),
)
@pytest.mark.parametrize("verb", ["score", "train", "adopt", "index"])
def test_settings_hold_values_only(verb: str, text: str, mark: Path, refused: Callable[..., str]) -> None:
    config = mark.parent / "settings.yaml"
    config.write_text(text.format(mark=mark, nested="[" * 1_000))
    refused(verb, mark.parent / "in", mark.parent / "out", "--config", config)


def test_settings_that_unfold_to_billions_are_refused(mark: Path, refused: Callable[..., str]) -> None:
    lines = ["a0: &a0 [x, x, x, x, x, x, x, x, x]"]
    lines += [f"a{n}: &a{n} [{', '.join([f'*a{n - 1}'] * 9)}]" for n in range(1, 12)]
    (mark.parent / "settings.yaml").write_text("\n".join(lines))
    assert "unknown key" in refused("score", "in", "out", "--config", mark.parent / "settings.yaml")


@pytest.mark.parametrize("value", ["!!python/object/apply:os.system ['touch x']", "[" * 1_000])
def test_a_setting_on_the_command_line_is_a_value_only(value: str, refused: Callable[..., str]) -> None:
    refused("score", "in", "out", "--set", f"bundle={value}")


def _adopt(refused: Callable[..., str], kind: str, model: Path, *changes: str) -> str:
    words = [word for change in changes for word in ("--set", change)]
    out = model.parent / "adopted"
    told = refused("adopt", model, out, "--config", ROOT / "configs" / "adopt" / f"{kind}.yaml", *words)
    assert not out.exists()
    return told


@pytest.mark.parametrize("kind", KINDS)
def test_a_pickle_is_not_adopted_as_onnx(kind: str, mark: Path, refused: Callable[..., str]) -> None:
    (mark.parent / "model.onnx").write_bytes(pickled(Bomb(mark))[kind])
    _adopt(refused, "onnx", mark.parent / "model.onnx", "genres=[a, b, c]")


@pytest.mark.parametrize("location", ["../../../../../../etc/passwd", "/etc/passwd", "secret", "{folder}/secret"])
def test_weights_outside_of_an_onnx_file_are_not_read(
    location: str, mark: Path, refused: Callable[..., str], monkeypatch: pytest.MonkeyPatch
) -> None:
    (mark.parent / "secret").write_bytes(bytes(48))
    monkeypatch.chdir(mark.parent)
    (mark.parent / "model.onnx").write_bytes(kept_elsewhere(location.format(folder=mark.parent)))
    told = _adopt(refused, "onnx", mark.parent / "model.onnx", "genres=[a, b, c]")
    assert "cannot be loaded" in told


def test_an_onnx_file_whose_names_hold_escapes_is_told_in_plain_text(mark: Path, refused: Callable[..., str]) -> None:
    import onnx

    model = onnx.load_from_string(linear_onnx(["B", 1, 16, 20], 320, 3))
    model.graph.node[0].op_type = "\x1b[31mRed\n\u202e"
    (mark.parent / "model.onnx").write_bytes(model.SerializeToString())
    told = _adopt(refused, "onnx", mark.parent / "model.onnx", "genres=[a, b, c]")
    assert "\x1b" not in told
    assert "\u202e" not in told


@pytest.fixture(scope="module")
def transformers_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("transformers") / "model"
    save_ast(folder, ["a", "b"])
    return folder


@pytest.mark.slow
@pytest.mark.parametrize("weights", [*KINDS, "auto_map", "a folder of pickles alone"])
def test_a_folder_of_transformers_runs_nothing(
    weights: str, transformers_folder: Path, mark: Path, refused: Callable[..., str]
) -> None:
    import shutil

    folder = Path(shutil.copytree(transformers_folder, mark.parent / "model"))
    (folder / "pytorch_model.bin").write_bytes(pickled(Bomb(mark))["torch"])
    (folder / "modeling_evil.py").write_text(f"open({str(mark)!r}, 'w')\n")
    if weights == "a folder of pickles alone":
        (folder / "model.safetensors").unlink()
    elif weights == "auto_map":
        config = json.loads((folder / "config.json").read_text())
        mapped = {"AutoModelForAudioClassification": "modeling_evil.Model", "AutoConfig": "modeling_evil.Config"}
        (folder / "config.json").write_text(json.dumps(config | {"auto_map": mapped}))
    else:
        (folder / "model.safetensors").write_bytes(pickled(Bomb(mark))[weights])
    _adopt(refused, "hugging_face", folder, "front_end.segment_s=1.0")
