"""A track heard alone is what a run hears."""

from pathlib import Path

import audio_samples
import numpy as np
import pytest
from small_bundle import MANIFEST, write_small_bundle

from genre_batch.decode.resample import resample
from genre_batch.decode.window import Window
from genre_batch.errors import UsageError
from genre_batch.evaluation.track_answer import hear
from genre_batch.features.extract import extract_segments
from genre_batch.model.calibration import softmax
from genre_batch.model.open_predictor import open_predictor


def test_its_samples_and_its_answer(tmp_path: Path) -> None:
    window = Window(length_s=4.0, min_offset_s=2, max_offset_s=2)
    manifest = MANIFEST.model_copy(
        update={"front_end": MANIFEST.front_end.model_copy(update={"window": window}), "thresholds": {"rock": 1.0}}
    )
    bundle = write_small_bundle(tmp_path / "bundle", manifest)
    sound = 0.3 * audio_samples.chirp(9, 44_100, 1)
    path = tmp_path / "Été <b>.bin"
    path.write_bytes(audio_samples.encode(sound, 44_100, "wav_float"))
    track = hear(str(path), bundle)
    assert (track.uri, track.audio_format, track.decoder) == (str(path), "wav", "soundfile")
    assert (track.duration_s, track.start_s, track.sample_rate) == (9.0, 2.0, 22_050)
    cut = resample(np.ravel(sound)[2 * 44_100 : 6 * 44_100], 44_100, 22_050)
    np.testing.assert_allclose(track.samples, cut, atol=1e-4)
    with path.open("rb") as stream:
        heard = extract_segments(stream, path.stat().st_size, str(path), manifest.front_end)
    expected = softmax(open_predictor(bundle).logits(heard.segments), 1.5).mean(axis=0)
    assert track.score.confidence == pytest.approx(expected.max(), abs=1e-6)
    assert track.score.segments == len(heard.segments) > 1
    assert {genre for genre, _ in track.score.top_k} == {"blues", "jazz", "rock"}


def test_a_short_track_is_not_repeated_in_its_pictures(tmp_path: Path) -> None:
    bundle = write_small_bundle(tmp_path / "bundle")
    (tmp_path / "a.flac").write_bytes(audio_samples.encode(audio_samples.chirp(2, 22_050, 1), 22_050, "flac"))
    assert len(hear(str(tmp_path / "a.flac"), bundle).samples) == 2 * 22_050


@pytest.mark.parametrize(
    ("data", "fault"), [(None, "does not exist"), (b"", "empty"), (b"no audio" * 99, "unsupported")]
)
def test_what_cannot_be_heard_is_told(data: bytes | None, fault: str, tmp_path: Path) -> None:
    if data is not None:
        (tmp_path / "a.mp3").write_bytes(data)
    with pytest.raises(UsageError, match=fault):
        hear(str(tmp_path / "a.mp3"), write_small_bundle(tmp_path / "bundle"))
