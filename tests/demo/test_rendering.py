"""Rendering on several cores gives what rendering here gives."""

from genre_batch.demo.catalog import SampleTrack, render
from genre_batch.demo.encode import Encoding
from genre_batch.demo.rendering import rendered


def test_files_come_in_order_and_are_the_same_as_rendered_here() -> None:
    tracks = [SampleTrack(f"{style}.flac", style, 1, 3.0, Encoding.FLAC) for style in ("waltz", "metal", "blues")]
    assert list(rendered(tracks)) == [(track, render(track)) for track in tracks]
