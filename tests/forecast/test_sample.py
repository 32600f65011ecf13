"""The sample of a catalog: every track passes through, every format is sampled, every track has the same chance."""

from collections import Counter

import pytest
from hypothesis import given
from hypothesis import strategies as st

from genre_batch.catalog.track import Track
from genre_batch.catalog.track_table import in_batches, one_by_one
from genre_batch.forecast.sample import StratifiedSample, Stratum


def track(number: int, suffix: str) -> Track:
    uri = f"s3://music/{number:06d}{suffix}"
    return Track(uri, uri, "e", number)


def drawn(tracks: list[Track], most: int, seed: int = 0) -> list[Stratum]:
    sample = StratifiedSample(most, seed)
    assert list(one_by_one(sample.passing(in_batches(tracks, 7)))) == tracks
    return sample.draw()


@given(
    st.lists(st.sampled_from([".mp3", ".MP3", ".flac", "", ".wav"]), max_size=80), st.integers(min_value=1, max_value=9)
)
def test_every_track_is_counted_once_and_every_format_is_sampled(suffixes: list[str], most: int) -> None:
    tracks = [track(number, suffix) for number, suffix in enumerate(suffixes)]
    strata = drawn(tracks, most)
    assert {each.name: each.tracks for each in strata} == Counter(suffix.lower() for suffix in suffixes)
    assert sum(each.size_bytes for each in strata) == sum(each.size_bytes for each in tracks)
    for stratum in strata:
        assert min(most, stratum.tracks, 2) <= len(stratum.sample) <= most
        assert len(set(stratum.sample)) == len(stratum.sample)
        assert all(each.uri.lower().endswith(stratum.name) for each in stratum.sample)
    assert drawn(tracks, most) == strata


def test_common_formats_get_their_share() -> None:
    tracks = [track(number, ".mp3" if number % 10 else ".flac") for number in range(1000)]
    assert {each.name: len(each.sample) for each in drawn(tracks, 20)} == {".flac": 2, ".mp3": 18}


def test_tracks_are_drawn_from_the_whole_listing() -> None:
    (stratum,) = drawn([track(number, ".mp3") for number in range(10_000)], 400)
    places = sorted(each.size_bytes for each in stratum.sample)
    assert all(abs(place / 10_000 - rank / 400) < 0.1 for rank, place in enumerate(places))


@pytest.mark.parametrize("tracks", [20, 25, 60])
def test_each_track_of_a_format_has_the_same_chance(tracks: int) -> None:
    catalog = [track(place, suffix) for place in range(tracks) for suffix in (".mp3", ".flac", ".wav", ".ogg")]
    drawn_at = Counter[int]()
    for seed in range(300):
        for stratum in drawn(catalog, 24, seed):
            drawn_at.update(each.size_bytes for each in stratum.sample)
    shares = [drawn_at[place] / sum(drawn_at.values()) * tracks for place in range(tracks)]
    assert min(shares) > 0.6
    assert max(shares) < 1.5


def test_made_up_file_extensions_do_not_grow_the_state() -> None:
    strata = drawn([track(number, f".x{number}") for number in range(500)], 4)
    assert len(strata) == 33
    assert strata[-1].tracks == 500 - 32
