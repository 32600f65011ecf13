"""A bundle is written whole and can be loaded and checked, or nothing is left behind."""

from pathlib import Path

import pytest
import torch
from safetensors.torch import save

from genre_batch.errors import UsageError
from genre_batch.features.front_end import LogMelFrontEnd
from genre_batch.model.architecture import FileName, ShortCnnSettings
from genre_batch.model.bundle import load_bundle
from genre_batch.model.golden import check_probabilities, check_segments
from genre_batch.model.manifest import BundleManifest
from genre_batch.model.networks.build import build_network
from genre_batch.model.predictor import Predictor
from genre_batch.model.taxonomy import Taxonomy
from genre_batch.training.package import check_output, write_trained_bundle

MANIFEST = BundleManifest(
    name="small",
    architecture=ShortCnnSettings(channels=2),
    front_end=LogMelFrontEnd(n_mels=16, segment_frames=32, segment_hop_frames=32),
    taxonomy=Taxonomy(genres=["blues", "jazz"]),
)


def weights() -> dict[FileName, bytes]:
    torch.manual_seed(0)
    return {"model.safetensors": save(build_network(ShortCnnSettings(channels=2), 16, 32, 2).state_dict())}


def test_the_bundle_written_loads_and_passes_its_own_golden_checks(tmp_path: Path) -> None:
    written = write_trained_bundle(tmp_path / "new" / "bundle", MANIFEST, weights())
    loaded = load_bundle(str(tmp_path / "new" / "bundle"))
    assert loaded.fingerprint == written.fingerprint
    check_segments(loaded)
    check_probabilities(loaded, Predictor(loaded, device="cpu"))
    assert [path.name for path in (tmp_path / "new").iterdir()] == ["bundle"]


def test_a_failure_leaves_nothing_behind(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def no_space(self: Path, text: str, encoding: str) -> int:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(Path, "write_text", no_space)
    with pytest.raises(OSError, match="No space left"):
        write_trained_bundle(tmp_path / "bundle", MANIFEST, weights())
    assert list(tmp_path.iterdir()) == []


def test_a_new_or_empty_folder_is_accepted_and_nothing_is_made_of_it(tmp_path: Path) -> None:
    (tmp_path / "empty").mkdir()
    assert check_output(str(tmp_path / "empty")) == tmp_path / "empty"
    assert check_output(str(tmp_path / "a" / "new")) == tmp_path / "a" / "new"
    assert [path.name for path in tmp_path.iterdir()] == ["empty"]


def test_folders_that_cannot_be_written_are_refused(tmp_path: Path) -> None:
    (tmp_path / "full").mkdir()
    (tmp_path / "full" / "kept").touch()
    (tmp_path / "file").touch()
    for output, message in [
        (tmp_path / "full", "not an empty folder"),
        (tmp_path / "file", "not an empty folder"),
        (tmp_path / "file" / "bundle", "cannot be written"),
        ("s3://bucket/bundle", "local folder"),
    ]:
        with pytest.raises(UsageError, match=message):
            check_output(str(output))
