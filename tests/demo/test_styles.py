"""The clips that the demo's model learns from, and its matrix."""

from pathlib import Path

import pandas as pd
import soundfile

from genre_batch.demo.catalog import sample_catalog
from genre_batch.demo.styles import matrix, write_clips
from genre_batch.demo.synthesis import STYLES


def test_there_are_clips_of_every_style_with_seeds_that_no_track_has(tmp_path: Path) -> None:
    write_clips(tmp_path / "clips", per_style=1)
    clips = sorted((tmp_path / "clips").rglob("*.wav"))
    assert [clip.parent.name for clip in clips] == sorted(STYLES)
    assert soundfile.info(str(clips[0])).duration == 20.0
    assert not {int(clip.stem) for clip in clips} & {track.seed for track in sample_catalog()}


def test_the_matrix_counts_each_pair_in_the_order_of_the_styles() -> None:
    styles = pd.Series(["pulse", "drone", "pulse", "pulse"])
    answers = pd.Series(["drone", "drone", "pulse", None])
    assert [line.split() for line in matrix(styles, answers).splitlines()] == [
        ["drone", "pulse", "(none)"],
        ["drone", "1", "·", "·"],
        ["pulse", "1", "1", "1"],
    ]
