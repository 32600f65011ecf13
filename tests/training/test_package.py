"""The card says how the figures were made, in words that fit the split."""

from pathlib import Path

import numpy as np
import pytest
import torch
from safetensors.torch import save

from genre_batch.catalog.corpora import LabelledTrack
from genre_batch.catalog.track import Track
from genre_batch.errors import UsageError
from genre_batch.features.front_ends.log_mel import LogMelFrontEnd
from genre_batch.model.bundle import EMBEDDING_FILE, load_bundle
from genre_batch.model.canaries import project_clips, read_canaries
from genre_batch.model.classifier import FileName
from genre_batch.model.embedding import EmbeddingSettings, fit_projection
from genre_batch.model.estimators.forest import ForestSettings
from genre_batch.model.golden import check_probabilities, check_segments
from genre_batch.model.manifest import BundleManifest
from genre_batch.model.networks.build import build_network
from genre_batch.model.networks.settings import ShortCnnSettings
from genre_batch.model.predictor import Predictor
from genre_batch.model.scores import Taxonomy
from genre_batch.training.corpus import TrainingCorpus
from genre_batch.training.dataset import Example
from genre_batch.training.fit import Optimisation
from genre_batch.training.package import card_facts, check_output, write_trained_bundle
from genre_batch.training.splits import Split
from genre_batch.training.train_config import TrainConfig

CORPUS = TrainingCorpus(
    [
        Example(LabelledTrack(Track(str(n), f"/{n}", "e", 1), genre, "artist:a"), np.zeros((1, 1, 1), np.float32), "s")
        for n, genre in enumerate(("jazz", "blues", "jazz"))
    ],
    ["blues", "jazz"],
    np.array([1, 0, 1]),
    {"empty": 1, "corrupt": 2},
)


def facts(split: Split, **settings: object) -> dict[str, str]:
    config = TrainConfig(source="m", output="o", name="small", architecture=ForestSettings(), split=split)
    return card_facts(config.model_copy(update=settings), CORPUS, "digest")


@pytest.mark.parametrize(
    ("split", "words"),
    [
        ("artist", "artists never on both sides (1 artists)"),
        ("track", "tracks of one artist may be on both sides"),
        ("segment_random", "LEAKY"),
        ("listed", "learned from the train list alone"),
    ],
)
def test_the_card_names_the_split(split: Split, words: str) -> None:
    card = facts(split)
    assert words in card["figures"]
    assert card["split digest"] == "digest"
    assert card["segments" if split == "segment_random" else "tracks"] == "3: blues 1, jazz 2"
    assert card["tracks skipped"] == "corrupt 2, empty 1"


def test_the_card_has_settings_if_there_are_any() -> None:
    assert {"optimisation", "target precision"} & set(facts("artist")) == set()
    network = {"architecture": ShortCnnSettings(), "optimisation": Optimisation(epochs=7), "target_precision": 0.8}
    card = facts("artist", **network)
    assert '"epochs":7' in card["optimisation"]
    assert "0.8 of the answers, by thresholds" in card["target precision"]


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


def test_a_bundle_with_embeddings_keeps_its_projection_and_has_another_fingerprint(tmp_path: Path) -> None:
    plain = write_trained_bundle(tmp_path / "plain", MANIFEST, weights())
    segments = np.random.default_rng(0).standard_normal((40, 16, 32)).astype(np.float16)
    write_trained_bundle(tmp_path / "embeds", MANIFEST, weights(), segments)
    loaded = load_bundle(str(tmp_path / "embeds"))
    assert plain.projection is None
    assert loaded.projection is not None
    assert loaded.manifest.embedding == EmbeddingSettings(values=loaded.projection.values)
    assert loaded.fingerprint != plain.fingerprint
    layer = Predictor(loaded, device="cpu").logits_and_layer(segments)[1]
    np.testing.assert_array_equal(loaded.projection.centre, fit_projection(layer).centre)
    (tmp_path / "embeds" / EMBEDDING_FILE).write_bytes(b"damaged")
    with pytest.raises(UsageError, match=r"embedding\.safetensors of the model bundle"):
        load_bundle(str(tmp_path / "embeds"))


def test_clips_become_canaries(tmp_path: Path) -> None:
    clips = {"drone.m4a": project_clips()["drone.m4a"]}
    written = write_trained_bundle(tmp_path / "bundle", MANIFEST, weights(), clips=clips)
    (canary,) = read_canaries(load_bundle(str(tmp_path / "bundle")))
    assert {canary.name: canary.data} == clips
    assert set(canary.probabilities) == set(written.manifest.taxonomy.genres)


def test_a_failure_leaves_nothing_behind(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def no_space(self: Path, text: str, encoding: str) -> int:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(Path, "write_text", no_space)
    with pytest.raises(OSError, match="No space left"):
        write_trained_bundle(tmp_path / "bundle", MANIFEST, weights())
    assert list(tmp_path.iterdir()) == []


def test_a_new_or_empty_folder_is_accepted_and_not_created(tmp_path: Path) -> None:
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
