"""FMA's metadata is read as the authors' own tool reads it, and other files are refused."""

from pathlib import Path

import pytest

from genre_batch.catalog.fma_layout import FmaTrack, fma_audio, read_fma_metadata
from genre_batch.errors import UsageError

HEADER = ",album,artist,artist,set,set,track,track\n,comments,bio,id,split,subset,genre_top,title\ntrack_id,,,,,,,\n"


def write(folder: Path, text: str) -> str:
    file = folder / "tracks.csv"
    file.write_text(text, encoding="utf-8")
    return str(file)


def test_genre_artist_and_split_are_found_by_their_names_in_two_lines(tmp_path: Path) -> None:
    rows = '2,0,"A ""bio"",\nof two lines é",1,training,small,Hip-Hop,Food\n20,4,,6,test,large,,\n'
    assert read_fma_metadata(write(tmp_path, HEADER + rows)) == {
        2: FmaTrack("Hip-Hop", "1", "training"),
        20: FmaTrack("", "6", "test"),
    }


def test_columns_are_those_that_pandas_finds(tmp_path: Path) -> None:
    import pandas as pd

    file = write(tmp_path, HEADER + "2,0,x,1,training,small,Rock,Food\n5,0,y,7,validation,small,Folk,\n")
    table = pd.read_csv(file, index_col=0, header=[0, 1])
    expected = {
        int(number): FmaTrack(row["track", "genre_top"], str(row["artist", "id"]), row["set", "split"])
        for number, row in table.iterrows()
    }
    assert read_fma_metadata(file) == expected


def test_audio_is_found_by_number_in_any_subset() -> None:
    paths = ["fma_small/000/000002.mp3", "fma_large/000/000002.mp3", "012/012345.mp3", "README.txt", "0/2.mp3"]
    assert fma_audio(paths) == {2: "fma_large/000/000002.mp3", 12345: "012/012345.mp3"}


@pytest.mark.parametrize(
    "text",
    ["", "uri,genre\na,b\n", HEADER.replace("genre_top", "genre"), HEADER + "two,0,x,1,training,small,Rock,\n"],
)
def test_another_file_is_refused(tmp_path: Path, text: str) -> None:
    with pytest.raises(UsageError, match=r"is not the tracks\.csv of FMA"):
        read_fma_metadata(write(tmp_path, text))
