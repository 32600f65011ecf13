"""Code in catalogs, settings and models to adopt is never run: such files are refused with a one-sentence message."""

import io
import json
import pickle
from collections.abc import Callable, Iterator
from pathlib import Path

import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from exported_models import linear_onnx, save_ast, with_external_weights
from security.evil_files import Bomb, pickled

from genre_batch.catalog.listing import Listing
from genre_batch.catalog.source import list_tracks
from genre_batch.cli.app import main
from genre_batch.errors import DamageFound
from genre_batch.storage.local import LocalStore

ROOT = Path(__file__).parents[2]
KINDS = sorted(pickled(Bomb(Path("x"))))


@pytest.fixture
def mark(tmp_path: Path) -> Iterator[Path]:
    """A path that must not exist after the test: code in a hostile file would create it."""
    yield tmp_path / "executed"
    assert not (tmp_path / "executed").exists()


@pytest.fixture
def refused(capsys: pytest.CaptureFixture[str]) -> Callable[..., str]:
    """Runs a command that must fail with exit code 2, and returns its stderr: one error and one hint."""

    def run(*words: str | Path, exit_code: int = 2) -> str:
        capsys.readouterr()
        with pytest.raises(SystemExit) as ended:
            main(["-q", *map(str, words)])
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
    """Let pandas register its extension types with Arrow, as it does in any process that wrote Parquet with pandas."""
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


def test_pickles_in_pandas_metadata_are_ignored(mark: Path, refused: Callable[..., str]) -> None:
    table = pa.table({"uri": ["gone.mp3"], "more": [pickle.dumps(Bomb(mark))]})
    notes = {b"pandas": pickle.dumps(Bomb(mark)), b"ARROW:schema": b"not base64 \x80\x04"}
    pq.write_table(table.replace_schema_metadata(notes), mark.parent / "catalog.parquet", store_schema=False)
    assert [track.size_bytes for track in list_tracks(str(mark.parent / "catalog.parquet"))] == [-1]


@pytest.mark.parametrize("suffix", ["csv", "parquet"])
@pytest.mark.parametrize("kind", KINDS)
def test_a_pickle_is_refused_as_a_catalog(kind: str, suffix: str, mark: Path, refused: Callable[..., str]) -> None:
    (mark.parent / f"catalog.{suffix}").write_bytes(pickled(Bomb(mark))[kind])
    assert f"catalog.{suffix}" in refused("index", mark.parent / f"catalog.{suffix}", mark.parent / "out")
    assert not (mark.parent / "out").exists()


def test_a_listing_replaced_by_a_pickle_is_damage(mark: Path) -> None:
    folder = mark.parent / "listing"
    folder.mkdir()
    for name in ("listing.json", "part-00000.parquet"):
        (folder / name).write_bytes(pickle.dumps(Bomb(mark)))
    with pytest.raises(DamageFound, match=r"listing\.json"):
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
def test_settings_may_contain_only_plain_values(verb: str, text: str, mark: Path, refused: Callable[..., str]) -> None:
    config = mark.parent / "settings.yaml"
    config.write_text(text.format(mark=mark, nested="[" * 1_000))
    error = refused(verb, mark.parent / "in", mark.parent / "out", "--config", config)
    assert "settings.yaml" in error or "a: unknown key" in error


def test_settings_that_expand_to_billions_of_values_are_refused(mark: Path, refused: Callable[..., str]) -> None:
    lines = ["a0: &a0 [x, x, x, x, x, x, x, x, x]"]
    lines += [f"a{n}: &a{n} [{', '.join([f'*a{n - 1}'] * 9)}]" for n in range(1, 12)]
    (mark.parent / "settings.yaml").write_text("\n".join(lines))
    assert "unknown key" in refused("score", "in", "out", "--config", mark.parent / "settings.yaml")


@pytest.mark.parametrize("value", ["!!python/object/apply:os.system ['touch x']", "[" * 1_000])
def test_a_setting_on_the_command_line_may_only_be_a_plain_value(value: str, refused: Callable[..., str]) -> None:
    assert "--set bundle" in refused("score", "in", "out", "--set", f"bundle={value}")


def _adopt(refused: Callable[..., str], kind: str, model: Path, *changes: str) -> str:
    words = [word for change in changes for word in ("--set", change)]
    out = model.parent / "adopted"
    error = refused("adopt", model, out, "--config", ROOT / "configs" / "adopt" / f"{kind}.yaml", *words)
    assert not out.exists()
    return error


@pytest.mark.parametrize("kind", KINDS)
def test_a_pickle_is_not_adopted_as_onnx(kind: str, mark: Path, refused: Callable[..., str]) -> None:
    (mark.parent / "model.onnx").write_bytes(pickled(Bomb(mark))[kind])
    assert "ONNX model cannot be loaded" in _adopt(refused, "onnx", mark.parent / "model.onnx", "genres=[a, b, c]")


@pytest.mark.parametrize("location", ["../../../../../../etc/passwd", "/etc/passwd", "secret", "{folder}/secret"])
def test_weights_outside_of_an_onnx_file_are_not_read(
    location: str, mark: Path, refused: Callable[..., str], monkeypatch: pytest.MonkeyPatch
) -> None:
    (mark.parent / "secret").write_bytes(bytes(48))
    monkeypatch.chdir(mark.parent)
    (mark.parent / "model.onnx").write_bytes(with_external_weights(location.format(folder=mark.parent)))
    assert "cannot be loaded" in _adopt(refused, "onnx", mark.parent / "model.onnx", "genres=[a, b, c]")


def test_escape_sequences_in_an_onnx_file_are_not_printed(mark: Path, refused: Callable[..., str]) -> None:
    import onnx

    model = onnx.load_from_string(linear_onnx(["B", 1, 16, 20], 320, 3))
    model.graph.node[0].op_type = "\x1b[31mRed\n\u202e"
    (mark.parent / "model.onnx").write_bytes(model.SerializeToString())
    error = _adopt(refused, "onnx", mark.parent / "model.onnx", "genres=[a, b, c]")
    assert "cannot be loaded" in error
    assert "\x1b" not in error
    assert "\u202e" not in error


@pytest.fixture(scope="module")
def transformers_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("transformers") / "model"
    save_ast(folder, ["a", "b"])
    return folder


@pytest.mark.slow
@pytest.mark.parametrize("weights", [*KINDS, "auto_map", "a folder of pickles only"])
def test_adopting_a_transformers_folder_runs_none_of_its_code(
    weights: str, transformers_folder: Path, mark: Path, refused: Callable[..., str]
) -> None:
    import shutil

    folder = Path(shutil.copytree(transformers_folder, mark.parent / "model"))
    (folder / "pytorch_model.bin").write_bytes(pickled(Bomb(mark))["torch"])
    (folder / "modeling_evil.py").write_text(f"open({str(mark)!r}, 'w')\n")
    if weights == "a folder of pickles only":
        (folder / "model.safetensors").unlink()
    elif weights == "auto_map":
        config = json.loads((folder / "config.json").read_text())
        mapped = {"AutoModelForAudioClassification": "modeling_evil.Model", "AutoConfig": "modeling_evil.Config"}
        (folder / "config.json").write_text(json.dumps(config | {"auto_map": mapped}))
    else:
        (folder / "model.safetensors").write_bytes(pickled(Bomb(mark))[weights])
    fault = {"auto_map": "auto_map", "a folder of pickles only": "there is no file"}.get(weights, "cannot be loaded")
    assert fault in _adopt(refused, "hugging_face", folder, "front_end.segment_s=1.0")
