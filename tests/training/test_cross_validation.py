"""Held-out answers come from models that did not learn from the track; finished folds are not fitted again."""

from pathlib import Path

import numpy as np

from genre_batch.features.front_ends.log_mel import LogMelFrontEnd
from genre_batch.model.networks.settings import ShortCnnSettings
from genre_batch.training.cross_validation import cross_validate, mean_curves
from genre_batch.training.fit import Optimisation
from genre_batch.training.fitted_model import Repeat
from genre_batch.training.recipe import Recipe
from genre_batch.training.splits import Fold
from genre_batch.training.work_folder import FoldStore

RECIPE = Recipe(
    ShortCnnSettings(channels=2, dropout=0.0),
    LogMelFrontEnd(n_mels=16, segment_frames=16, segment_hop_frames=8),
    Optimisation(epochs=1, batch_size=4),
    genres=["one", "two"],
)
ROWS = np.arange(8)
FOLDS = [Fold(ROWS[4:], ROWS[:4]), Fold(ROWS[:4], ROWS[4:])]
LABELS = np.array([0, 1] * 4, np.int64)


def sounds() -> list[np.ndarray]:
    rng = np.random.default_rng(0)
    return [rng.normal(size=(1, 16, 24 + 8 * (row % 2))).astype(np.float16) for row in range(8)]


def answered(
    tracks: list[np.ndarray], folder: Path, seen: list[tuple[int, int]] | None = None, folds: list[Fold] = FOLDS
) -> Repeat:
    reported = [] if seen is None else seen
    return cross_validate(
        RECIPE,
        tracks,
        tracks,
        LABELS,
        folds,
        name="repeat-1",
        store=FoldStore(folder, {}),
        seed=0,
        progress=lambda fold: lambda epoch, loss: reported.append((fold, epoch)),
    )


def test_every_track_is_answered_by_all_its_segments(tmp_path: Path) -> None:
    repeat = answered(sounds(), tmp_path)
    assert [fold.test.tracks.tolist() for fold in repeat] == [[0, 1, 2, 3], [4, 5, 6, 7]]
    np.testing.assert_array_equal(np.bincount(repeat[0].test.track_rows), [2, 3] * 2)
    curves = mean_curves([repeat, repeat])
    assert set(curves) == {"train_loss", "held_out_epoch", "held_out_accuracy"}
    assert curves["train_loss"] == [np.mean([fold.curves["train_loss"][0] for fold in repeat])]


def test_a_held_out_track_has_no_influence_on_the_model_that_answers_its_fold(tmp_path: Path) -> None:
    changed = sounds()
    changed[0] = changed[0] * 5
    before, after = answered(sounds(), tmp_path / "before"), answered(changed, tmp_path / "after")
    same = before[0].test.track_rows > 0
    np.testing.assert_array_equal(before[0].test.logits[same], after[0].test.logits[same])
    assert not np.array_equal(before[1].test.logits, after[1].test.logits)


def test_finished_folds_are_taken_from_the_work_folder(tmp_path: Path) -> None:
    seen: list[tuple[int, int]] = []
    first = answered(sounds(), tmp_path, seen)
    assert seen == [(1, 1), (2, 1)]
    next(tmp_path.rglob("repeat-1-fold-2.safetensors")).unlink()
    again = answered(sounds(), tmp_path, seen)
    assert seen == [(1, 1), (2, 1), (2, 1)]
    for fold, other in zip(first, again, strict=True):
        np.testing.assert_array_equal(fold.test.logits, other.test.logits)


def test_validation_tracks_are_answered_too(tmp_path: Path) -> None:
    [fold] = answered(sounds(), tmp_path, folds=[Fold(ROWS[:4], ROWS[6:], ROWS[4:6])])
    assert fold.valid is not None
    assert (fold.test.tracks.tolist(), fold.valid.tracks.tolist()) == ([6, 7], [4, 5])
