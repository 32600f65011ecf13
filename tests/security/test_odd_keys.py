"""Any key reaches its row byte for byte, and has no other effect."""

import csv
import os
from collections import Counter
from html.parser import HTMLParser
from pathlib import Path

import audio_samples
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from odd_keys import odd_keys
from s3_server import S3Server
from security.conftest import SCORED_EVERY
from small_bundle import MANIFEST, write_small_bundle

from genre_batch.catalog.listing import Listing, write_listing
from genre_batch.catalog.reject import Reject, printable
from genre_batch.catalog.source import list_tracks
from genre_batch.catalog.track import Track
from genre_batch.evaluation.report import evaluate
from genre_batch.features.front_ends.log_mel import LogMelFrontEnd
from genre_batch.reports.evaluation_page import evaluation_page
from genre_batch.stages.extract import ExtractWithFrontEnd
from genre_batch.storage.local import LocalStore
from genre_batch.storage.uri import local_uri

SHORT = LogMelFrontEnd(n_mels=16, segment_frames=32, segment_hop_frames=32)


def sound() -> bytes:
    return audio_samples.encode(audio_samples.chirp(2.0, 22_050, 1), 22_050, "wav")


def outcomes(tracks: list[Track]) -> list[str]:
    """The outcomes of the tracks in an extract actor: "scored", or the reason of the reject."""
    _, report = ExtractWithFrontEnd(SHORT, deadline_s=30.0).run(tracks)
    return [o.reason.value if isinstance(o, Reject) else "scored" for o in report.outcomes]


def make_files(folder: Path) -> dict[str, bytes]:
    """Create files with odd names, as far as the file system allows. Returns their contents by URI."""
    made = {}
    for number, key in enumerate([*odd_keys(), "not utf-8 \udcff\udc80", "\udce9/\udce9"]):
        parts = key.split("/")
        path = folder.joinpath(*parts)
        if {"", ".", ".."} & set(parts) or any(len(os.fsencode(part)) > 255 for part in parts):
            continue
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(sound() if number % SCORED_EVERY == 0 else b"no audio")
        except (FileExistsError, NotADirectoryError, IsADirectoryError):
            continue
        made[local_uri(str(path))] = path.read_bytes()
    return made


def test_local_names_are_listed_stored_and_read_byte_for_byte(tmp_path: Path) -> None:
    made = make_files(tmp_path / "music")
    assert len(made) > 250
    store, listing = LocalStore(), f"{tmp_path}/listing/"
    write_listing(list_tracks(str(tmp_path / "music")), store, listing)
    before = {path for path in tmp_path.rglob("*") if not path.is_dir()}
    tracks = Listing(store, listing).rows(0, len(made))
    assert {track.uri for track in tracks} == set(made)
    assert [track.uri for track in tracks] == sorted(made, key=lambda uri: uri.encode())
    found = dict(zip((track.uri for track in tracks), outcomes(tracks), strict=True))
    assert found == {uri: "scored" if data == sound() else "unsupported" for uri, data in made.items()}
    assert {path for path in tmp_path.rglob("*") if not path.is_dir()} == before


@pytest.mark.slow
@pytest.mark.radosgw
@pytest.mark.timeout(300)
def test_keys_with_line_breaks_on_a_real_server(radosgw: S3Server) -> None:
    bucket = radosgw.new_bucket()
    keys = [key for key in odd_keys() if "\n" in key or "\r" in key][:60]
    assert len(keys) == 60
    for number, key in enumerate(keys):
        radosgw.client.put_object(Bucket=bucket, Key=key, Body=sound() if number % 20 == 0 else b"no audio")
    tracks = list(list_tracks(f"s3://{bucket}"))
    assert {track.uri for track in tracks} == {f"s3://{bucket}/{key}" for key in keys}
    found = dict(zip((track.uri for track in tracks), outcomes(tracks), strict=True))
    assert [found[f"s3://{bucket}/{key}"] for key in keys] == [
        "scored" if number % 20 == 0 else "unsupported" for number in range(60)
    ]


class _Tags(HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.found = Counter[str]()
        self.attributes: set[str] = set()
        self.text = ""

    def handle_starttag(self, tag: str, attributes: list[tuple[str, str | None]]) -> None:
        self.found[tag] += 1
        self.attributes |= {name for name, _ in attributes}
        self.attributes |= {f"foreign {value}" for name, value in attributes if name in ("src", "href") and value}

    def handle_data(self, data: str) -> None:
        self.text += data


@pytest.mark.slow
def test_an_evaluation_prints_one_line_per_bad_track_and_escapes_names_in_its_page(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    made = make_files(tmp_path / "music")
    bad = [uri for uri, data in made.items() if data != sound()]
    genres = MANIFEST.taxonomy.genres
    with (tmp_path / "labels.csv").open("w", newline="", encoding="utf-8") as file:
        rows = csv.writer(file)
        rows.writerow(["uri", "genre"])
        rows.writerows((uri, genres[number % 3]) for number, uri in enumerate(made))
    write_small_bundle(tmp_path / "bundle")
    report = evaluate(str(tmp_path / "bundle"), str(tmp_path / "labels.csv"))
    # on a slow machine, notices of what it waits for stand between them
    lines = [line for line in capsys.readouterr().err.split("\n") if not line.endswith(" ...")]
    assert (report.listed, report.rejected) == (len(made), len(bad))
    assert len(lines) == len("\n".join(lines).splitlines()) + 1 == len(bad) + 1  # the last one is empty
    assert all(line.isprintable() for line in lines)
    for uri in bad:
        assert sum(line.startswith(f"skipped {printable(uri)}: ") for line in lines) == 1
    page = _Tags()
    page.feed(evaluation_page(report))
    assert page.found["script"] == 1  # the page's own, whose hash its policy names
    assert not page.found.keys() & {"iframe", "object", "link", "a"}
    assert not {name for name in page.attributes if name.startswith("on")}
    assert not {value for value in page.attributes if value.startswith("foreign ") and "data:image/png" not in value}
    assert report.worst_mistakes
    for mistake in report.worst_mistakes:
        assert printable(mistake.track_id, 300)[:200] in page.text


def test_a_catalog_file_names_odd_keys_byte_for_byte(odd_bucket: tuple[str, dict[str, str]], tmp_path: Path) -> None:
    _, etags = odd_bucket
    some = dict(list(etags.items())[:120])
    with (tmp_path / "catalog.csv").open("w", newline="", encoding="utf-8") as file:
        csv.writer(file).writerows([["uri"], *([uri] for uri in some)])
    pq.write_table(pa.table({"uri": list(some)}), tmp_path / "catalog.parquet")
    for name in ("catalog.csv", "catalog.parquet"):
        tracks = list(list_tracks(str(tmp_path / name)))
        assert {track.uri: track.etag for track in tracks} == some
