"""The page of a track: it hears what a run hears, and shows it safely."""

from dataclasses import replace
from pathlib import Path

import audio_samples
import numpy as np
import pytest
from page_checks import read_page
from small_bundle import MANIFEST, write_small_bundle

from genre_batch.decode.waveform import resample
from genre_batch.decode.window import Span, Window
from genre_batch.errors import UsageError
from genre_batch.features.track_segments import extract_segments
from genre_batch.model.open_predictor import open_predictor
from genre_batch.model.scores import Score, softmax
from genre_batch.reports.track_page import HeardTrack, hear, track_page


def test_samples_and_answer_are_those_of_a_run(tmp_path: Path) -> None:
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


def test_all_pieces_of_a_window_are_shown(tmp_path: Path) -> None:
    window = Window(length_s=1.0, pieces=3)
    front_end = MANIFEST.front_end.model_copy(update={"window": window})
    bundle = write_small_bundle(tmp_path / "bundle", MANIFEST.model_copy(update={"front_end": front_end}))
    sound = 0.3 * audio_samples.chirp(12, 22_050, 1)
    (tmp_path / "a.wav").write_bytes(audio_samples.encode(sound, 22_050, "wav_float"))
    track = hear(str(tmp_path / "a.wav"), bundle)
    assert track.spans == (Span(1.5, 1.0), Span(5.5, 1.0), Span(9.5, 1.0))
    expected = [np.ravel(sound)[round(span.start_s * 22_050) :][:22_050] for span in track.spans]
    np.testing.assert_allclose(track.samples, np.concatenate(expected), atol=1e-4)
    page = read_page(track_page(track, "small-1"))
    assert "1.5 s to 2.5 s, 5.5 s to 6.5 s, 9.5 s to 10.5 s" in page.text


def test_a_short_track_is_not_repeated_in_its_pictures(tmp_path: Path) -> None:
    bundle = write_small_bundle(tmp_path / "bundle")
    (tmp_path / "a.flac").write_bytes(audio_samples.encode(audio_samples.chirp(2, 22_050, 1), 22_050, "flac"))
    assert len(hear(str(tmp_path / "a.flac"), bundle).samples) == 2 * 22_050


@pytest.mark.parametrize(
    ("data", "fault"), [(None, "does not exist"), (b"", "empty"), (b"no audio" * 99, "unsupported")]
)
def test_a_track_that_cannot_be_scored_is_an_error(data: bytes | None, fault: str, tmp_path: Path) -> None:
    if data is not None:
        (tmp_path / "a.mp3").write_bytes(data)
    with pytest.raises(UsageError, match=fault):
        hear(str(tmp_path / "a.mp3"), write_small_bundle(tmp_path / "bundle"))


URI = "s3://music/<script>alert(1)</script>\x1b.flac"


def heard(genre: str | None) -> HeardTrack:
    samples = np.random.default_rng(0).normal(0.0, 0.1, 2 * 22_050).astype(np.float32)
    best = (("<i>jazz", 0.75), ("rock", 0.25))
    score = Score(genre, 0.75, best, genre is None, 3)
    return HeardTrack(URI, 1234, "flac", "soundfile", 200.5, (Span(15.0, 2.0),), 22_050, samples, score)


def test_it_shows_the_track_its_figures_and_its_answer() -> None:
    page = read_page(track_page(heard("<i>jazz"), "small-1"))
    assert page.title == "s3://music/<script>alert(1)</script>\\x1b.flac"
    assert len(page.drawings) == len(set(page.drawings)) == 8
    assert len(page.images) == 10  # five spectrograms and their colour bars
    assert page.audio == []
    assert "flac, 200.5 s, 1,234 bytes, read by soundfile" in page.text
    assert "15.0 s to 17.0 s" in page.text
    assert page.text.count("<i>jazz") == 2
    assert "75.0 %" in page.text


def test_a_local_track_can_be_played_from_where_the_model_hears_it() -> None:
    track = replace(heard("rock"), uri="/music/Été <b>#1.flac")
    assert read_page(track_page(track, "small-1")).audio == [
        "file:///music/%C3%89t%C3%A9%20%3Cb%3E%231.flac#t=15.00,17.00"
    ]


@pytest.mark.parametrize(("genre", "abstains"), [(None, True), ("rock", False)])
def test_it_says_when_the_model_abstains(genre: str | None, abstains: bool) -> None:
    assert ("It abstains" in read_page(track_page(heard(genre), "small-1")).text) is abstains
