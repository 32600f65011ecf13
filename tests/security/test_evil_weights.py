"""No file of a bundle is ever run: a hostile file in its place is refused with a one-sentence message.

The hashes in the manifests match the hostile files, as an attacker would make them. Hostile skops archives are tested
in tests/model/estimators/test_skops_archive.py.
"""

import json
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pytest
from security.evil_files import Bomb, forged_npz, forged_safetensors, npz, pickled
from small_bundle import MANIFEST, write_small_bundle

from genre_batch.cli.app import main
from genre_batch.errors import UsageError
from genre_batch.model.architecture import Architecture, OnnxSettings
from genre_batch.model.bundle import MANIFEST_FILE, Bundle, load_bundle, sha256_hex
from genre_batch.model.classifier import FileName
from genre_batch.model.estimators.clusters import ClustersSettings
from genre_batch.model.estimators.neighbours import NeighboursSettings
from genre_batch.model.golden import check_segments, read_golden
from genre_batch.model.networks.settings import TextureKernelSettings
from genre_batch.model.open_predictor import open_predictor
from genre_batch.stages.predict import PredictGenres

FAMILIES: list[tuple[Architecture, FileName]] = [
    (MANIFEST.architecture, "model.safetensors"),
    (TextureKernelSettings(), "model.safetensors"),
    (ClustersSettings(), "model.safetensors"),
    (NeighboursSettings(), "model.skops"),
    (OnnxSettings(), "model.onnx"),
]
KINDS = sorted(pickled(Bomb(Path("x"))))
GOLDEN = ("audio", "segments", "probabilities")


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("bundle")
    write_small_bundle(folder)
    return folder


@pytest.fixture
def mark(tmp_path: Path) -> Iterator[Path]:
    """A path that must not exist after the test: code in a hostile file would create it."""
    yield tmp_path / "executed"
    assert not (tmp_path / "executed").exists()


def refused(action: Callable[[], object]) -> str:
    """The message of the UsageError that `action` must raise: one sentence, with a hint."""
    with pytest.raises(UsageError) as caught:
        action()
    assert caught.value.exit_code == 2
    assert "\n" not in str(caught.value)
    assert caught.value.hint
    return str(caught.value)


def bundle_of(architecture: Architecture, **files: bytes) -> Bundle:
    """A bundle with these files and matching hashes."""
    contents = {name.replace("__", "."): data for name, data in files.items()}
    digests = {name: sha256_hex(data) for name, data in contents.items()}
    manifest = MANIFEST.model_copy(update={"architecture": architecture, "files": digests})
    return Bundle("evil", manifest, contents)  # type: ignore[arg-type]


def test_every_hostile_file_runs_its_code_when_unpickled(tmp_path: Path) -> None:
    """Without this, the tests below could not fail."""
    import io
    import pickle

    import joblib
    import torch

    openers: dict[str, Callable[[bytes], object]] = dict.fromkeys(KINDS, pickle.loads)
    openers |= {
        "torch": lambda data: torch.load(io.BytesIO(data), weights_only=False),
        "joblib": lambda data: joblib.load(io.BytesIO(data)),
        "npy": lambda data: np.load(io.BytesIO(data), allow_pickle=True),
        "npz": lambda data: np.load(io.BytesIO(data), allow_pickle=True)["audio"],
    }
    for number, kind in enumerate(KINDS):
        mark = tmp_path / str(number)
        openers[kind](pickled(Bomb(mark))[kind])
        assert mark.exists(), kind


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize(("architecture", "name"), FAMILIES, ids=lambda value: getattr(value, "name", ""))
def test_pickled_weights_are_refused(architecture: Architecture, name: str, kind: str, mark: Path) -> None:
    data = pickled(Bomb(mark))[kind]
    assert refused(lambda: open_predictor(bundle_of(architecture, **{name.replace(".", "__"): data}), device="cpu"))


@pytest.mark.parametrize("kind", sorted(forged_safetensors()))
@pytest.mark.parametrize("architecture", [family for family, name in FAMILIES if name == "model.safetensors"])
def test_forged_safetensors_are_refused(architecture: Architecture, kind: str) -> None:
    bundle = bundle_of(architecture, model__safetensors=forged_safetensors()[kind])
    assert refused(lambda: open_predictor(bundle, device="cpu"))


@pytest.mark.parametrize("kind", sorted(forged_npz(*GOLDEN)))
def test_forged_golden_vectors_are_refused(kind: str) -> None:
    bundle = bundle_of(MANIFEST.architecture, golden__npz=forged_npz(*GOLDEN)[kind])
    assert "golden" in refused(lambda: check_segments(bundle))


def test_golden_vectors_with_objects_are_refused(mark: Path) -> None:
    bundle = bundle_of(MANIFEST.architecture, golden__npz=npz(Bomb(mark), *GOLDEN))
    assert "golden" in refused(lambda: check_segments(bundle))


@pytest.mark.parametrize("name", ["model.safetensors", "golden.npz", "README.md"])
def test_a_replaced_file_is_refused_before_it_is_parsed(name: str, made: Path, mark: Path) -> None:
    folder = mark.parent / "bundle"
    shutil.copytree(made, folder)
    (folder / name).write_bytes(pickled(Bomb(mark))["torch"])
    assert "sha256 differs" in refused(lambda: load_bundle(str(folder)))


@pytest.mark.parametrize("extra", ["pytorch_model.bin", "model.pkl", "model.joblib", "sitecustomize.py", "modeling.py"])
def test_files_that_the_manifest_does_not_name_are_not_opened(extra: str, made: Path, mark: Path) -> None:
    folder = mark.parent / "bundle"
    shutil.copytree(made, folder)
    (folder / extra).write_bytes(
        pickled(Bomb(mark))["pickle"] if extra[-2:] != "py" else f"open({str(mark)!r}, 'w')".encode()
    )
    bundle = load_bundle(str(folder))
    assert extra not in bundle.files
    golden = read_golden(bundle)
    assert open_predictor(bundle, device="cpu").logits(golden.segments).shape == golden.probabilities.shape


@pytest.mark.parametrize("weights", ["../../etc/passwd", "/etc/passwd", "model.pkl", "pytorch_model.bin"])
def test_a_manifest_cannot_name_another_file(weights: str, made: Path, mark: Path) -> None:
    folder = mark.parent / "bundle"
    shutil.copytree(made, folder)
    manifest = json.loads((folder / MANIFEST_FILE).read_text())
    manifest["files"][weights] = "0" * 64
    (folder / MANIFEST_FILE).write_text(json.dumps(manifest))
    assert MANIFEST_FILE in refused(lambda: load_bundle(str(folder)))


@pytest.mark.parametrize("text", ["!!python/object/apply:os.system ['touch {}']", '{{"__reduce__": "touch {}"}}'])
def test_a_manifest_must_be_plain_json(text: str, made: Path, mark: Path) -> None:
    folder = mark.parent / "bundle"
    shutil.copytree(made, folder)
    (folder / MANIFEST_FILE).write_text(text.format(mark))
    assert MANIFEST_FILE in refused(lambda: load_bundle(str(folder)))


@pytest.fixture
def evil(made: Path, mark: Path) -> Path:
    """A bundle on disk with pickled weights and matching hashes."""
    folder = mark.parent / "evil"
    shutil.copytree(made, folder)
    data = pickled(Bomb(mark))["torch"]
    (folder / "model.safetensors").write_bytes(data)
    manifest = json.loads((folder / MANIFEST_FILE).read_text())
    manifest["files"]["model.safetensors"] = sha256_hex(data)
    (folder / MANIFEST_FILE).write_text(json.dumps(manifest))
    return folder


@pytest.fixture
def labelled(tmp_path: Path) -> Path:
    for genre in MANIFEST.taxonomy.genres:
        (tmp_path / "labelled" / genre).mkdir(parents=True)
        (tmp_path / "labelled" / genre / "a.wav").write_bytes(b"RIFF")
    return tmp_path / "labelled"


def failure(capsys: pytest.CaptureFixture[str], *words: str | Path) -> str:
    """The stderr of a command that must fail with exit code 2: one error and one hint."""
    capsys.readouterr()
    with pytest.raises(SystemExit) as ended:
        main(["-q", *map(str, words)])
    printed = capsys.readouterr()
    assert (ended.value.code, printed.out) == (2, ""), printed.err
    assert [line.partition(":")[0] for line in printed.err.splitlines()] == ["error", "hint"]
    return printed.err


@pytest.mark.parametrize("verb", ["score", "plan", "evaluate"])
def test_replaced_weights_are_refused_before_ray_starts_or_anything_is_written(
    verb: str,
    made: Path,
    mark: Path,
    labelled: Path,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    folder, out, ray_folder = mark.parent / "bundle", mark.parent / "out", mark.parent / "ray"
    shutil.copytree(made, folder)
    ray_folder.mkdir()
    monkeypatch.setenv("RAY_TMPDIR", str(ray_folder))
    (folder / "model.safetensors").write_bytes(pickled(Bomb(mark))["pickle"])
    words: dict[str, list[str | Path]] = {
        "score": ["score", labelled, out, "--set", f"bundle={folder}"],
        "plan": ["score", labelled, out, "--plan", "--set", f"bundle={folder}"],
        "evaluate": ["evaluate", folder, labelled],
    }
    assert "sha256 differs" in failure(capsys, *words[verb])
    assert not out.exists()
    assert list(ray_folder.iterdir()) == []


def test_an_evaluation_refuses_pickled_weights_with_matching_hashes(
    evil: Path, labelled: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert "weights" in failure(capsys, "evaluate", evil, labelled)


@pytest.mark.parametrize("plan", [[], ["--plan"]])
def test_a_run_refuses_them_before_ray_starts_or_anything_is_written(
    plan: list[str],
    evil: Path,
    mark: Path,
    labelled: Path,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    out, ray_folder = mark.parent / "out", mark.parent / "ray"
    ray_folder.mkdir()
    monkeypatch.setenv("RAY_TMPDIR", str(ray_folder))
    words = ["score", labelled, out, *plan, "--set", f"bundle={evil}"]
    assert "is not a safetensors file" in failure(capsys, *words)
    assert not out.exists()
    assert list(ray_folder.iterdir()) == []


def test_actors_refuse_pickled_weights_with_matching_hashes(evil: Path) -> None:
    assert "weights" in refused(lambda: PredictGenres(str(evil), "cpu", "fp32"))
