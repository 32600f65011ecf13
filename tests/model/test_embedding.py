"""Embeddings: the projection, its file, and what is near what for a pretrained network."""

import numpy as np
import pytest
import torch
from safetensors.numpy import save as save_arrays
from safetensors.torch import save
from small_bundle import MANIFEST

from genre_batch.demo.synthesis import STYLES, synthesise
from genre_batch.errors import UsageError
from genre_batch.features.front_ends.log_mel import LogMelFrontEnd
from genre_batch.model.bundle import GOLDEN_FILE, WEIGHTS_FILE, Bundle, load_bundle
from genre_batch.model.embedding import MOST_VALUES, EmbeddingSettings, Projection, fit_projection, read_projection
from genre_batch.model.networks.build import build_network, initialise
from genre_batch.model.networks.settings import TrunkSettings
from genre_batch.model.predictor import Predictor

RANDOM = np.random.default_rng(7)
LAYER = (RANDOM.standard_normal((60, 8)) * np.arange(1, 9) + 5).astype(np.float32)


def test_the_components_with_the_largest_spread_come_first_and_keep_distances() -> None:
    projection = fit_projection(LAYER)
    assert (projection.values, projection.centre.shape) == (8, (8,))
    np.testing.assert_allclose(projection.directions.T @ projection.directions, np.eye(8), atol=1e-5)
    projected = (LAYER - projection.centre) @ projection.directions
    assert (np.diff(projected.std(axis=0)) < 0).all()
    distances = [np.linalg.norm(rows[:, None] - rows[None], axis=2) for rows in (LAYER, projected)]
    np.testing.assert_allclose(*distances, rtol=1e-4, atol=1e-4)


def test_no_more_components_than_there_is_variation() -> None:
    flat = LAYER[:, :2] @ RANDOM.standard_normal((2, 8)).astype(np.float32)
    assert fit_projection(flat).values == 2
    assert fit_projection(np.ones((5, 3), np.float32)).values == 1
    wide = RANDOM.standard_normal((300, 200)).astype(np.float32)
    assert fit_projection(wide).values == MOST_VALUES


def test_a_track_has_the_direction_of_the_mean_of_its_segments() -> None:
    projection = Projection(np.ones(3, np.float32), np.eye(3, 2, dtype=np.float32))
    layer = np.array([[2, 1, 9], [6, 1, 0], [1, 1, 5]], np.float32)
    embeddings = projection.embeddings(layer, np.array([0, 0, 2], np.int32), 3)
    assert embeddings.dtype == np.float16
    assert embeddings[0].tolist() == [1.0, 0.0]
    assert np.isnan(embeddings[1]).all()
    assert embeddings[2].tolist() == [0.0, 0.0]


def test_a_file_that_does_not_fit_is_refused() -> None:
    projection = fit_projection(LAYER)
    again = read_projection(projection.to_bytes(), EmbeddingSettings(values=8), "s3://b")
    np.testing.assert_array_equal(again.directions, projection.directions)
    short = {"centre": np.zeros(7, np.float32), "directions": projection.directions}
    double = {"centre": projection.centre.astype(np.float64), "directions": projection.directions}
    for data in (b"no", save_arrays(short), save_arrays(double), save_arrays({"centre": projection.centre})):
        with pytest.raises(UsageError, match="the embedding of the model bundle s3://b"):
            read_projection(data, EmbeddingSettings(values=8), "s3://b")


@pytest.fixture(scope="module")
def songs() -> np.ndarray:
    """The last layer of a pretrained network for two cuts of a song in each style, [songs, 2, segments, n]."""
    settings = TrunkSettings()
    shape = settings.input
    front_end = LogMelFrontEnd(
        sample_rate=shape.sample_rate,
        n_fft=shape.n_fft,
        hop_length=shape.hop_length,
        n_mels=shape.n_mels,
        segment_frames=187,
        segment_hop_frames=187,
    )
    with torch.random.fork_rng():
        torch.manual_seed(0)
        network = build_network(settings, *front_end.segment_shape, len(MANIFEST.taxonomy.genres))
    initialise(network)
    changes = {"architecture": settings, "front_end": front_end}
    bundle = Bundle("songs", MANIFEST.model_copy(update=changes), {WEIGHTS_FILE: save(network.state_dict())})
    predictor = Predictor(bundle, device="cpu")
    cuts = []
    for number, style in enumerate(sorted(STYLES)):
        sound = synthesise(style, number, 32.0, shape.sample_rate).mean(axis=1)
        cuts += [predictor.logits_and_layer(front_end.segments(cut))[1] for cut in np.split(sound, 2)]
    return np.stack(cuts).reshape(len(cuts) // 2, 2, *cuts[0].shape)


def test_two_cuts_of_one_song_are_nearer_than_cuts_of_different_songs(songs: np.ndarray) -> None:
    n_songs, _, segments, _ = songs.shape
    projection = fit_projection(songs.reshape(-1, songs.shape[-1]))
    rows = np.repeat(np.arange(2 * n_songs, dtype=np.int32), segments)
    embeddings = projection.embeddings(songs.reshape(-1, songs.shape[-1]), rows, 2 * n_songs).astype(np.float32)
    near = embeddings @ embeddings.T
    np.fill_diagonal(near, -np.inf)
    assert near.argmax(axis=1).tolist() == [cut ^ 1 for cut in range(2 * n_songs)]


def test_the_shipped_bundle_with_embeddings_is_the_default_model_and_another_fingerprint() -> None:
    default, embedding = load_bundle("default"), load_bundle("default-embedding")
    assert [embedding.files[name] == default.files[name] for name in (WEIGHTS_FILE, GOLDEN_FILE)] == [True, True]
    same = {"files", "embedding"}
    assert embedding.manifest.model_dump(exclude=same) == default.manifest.model_dump(exclude=same)
    assert embedding.fingerprint != default.fingerprint
    assert default.projection is None
    assert embedding.projection is not None
    assert embedding.projection.directions.shape == (200, MOST_VALUES)
