"""Two bundles on local Ray, from real audio files: the tables of two separate runs, from one pass."""

from collections.abc import Iterator
from pathlib import Path

import audio_samples
import pytest
import ray
from several_bundles import copy_of, settings
from table_checks import Row, comparable

from genre_batch.pipeline import score, score_each
from genre_batch.sink.canary_record import CanaryRecord
from genre_batch.verify.verification import verify
from genre_batch.verify.verify_config import VerifyConfig

pytestmark = [pytest.mark.slow, pytest.mark.timeout(300)]

CUT = ("shard_tracks=4", "batch_tracks=3", "max_reject_rate=1.0")
NUMBERS = {"confidence", "in_scope", "window_start_s", "duration_s"}


@pytest.fixture(scope="module", autouse=True)
def local_ray() -> Iterator[None]:
    ray.init(address="local", num_cpus=2, include_dashboard=False, log_to_driver=False, logging_level="ERROR")
    yield
    ray.shutdown()


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Six tracks of three formats, one of them long enough for windows that differ, and three that have no score."""
    folder = tmp_path_factory.mktemp("bundles")
    (folder / "in").mkdir()
    for number, (name, seconds) in enumerate([("wav", 5), ("mp3", 12), ("ogg", 95), ("flac", 31), ("mp3", 150)]):
        sound = audio_samples.chirp(seconds, 22_050, seed=number)
        (folder / "in" / f"{number}.{name}").write_bytes(audio_samples.encode(sound, 22_050, name))
    (folder / "in" / "empty.mp3").write_bytes(b"")
    (folder / "in" / "text.mp3").write_bytes(b"#EXTM3U\n" * 20)
    (folder / "in" / "silent.flac").write_bytes(audio_samples.encode(sound[:90_000] * 0, 22_050, "flac"))
    return folder


def apart(folder: Path, output: Path, bundles: list[str]) -> Path:
    """The output of a run of its own for each bundle."""
    for bundle in bundles:
        score(settings(folder, [bundle], *CUT).model_copy(update={"output": str(output)}))
    return output


def check_alike(found: list[Row], expected: list[Row]) -> None:
    def by_model(row: Row) -> tuple[str, str]:
        return str(row["track_id"]), str(row.get("fingerprint"))

    for row, other in zip(sorted(found, key=by_model), sorted(expected, key=by_model), strict=True):
        assert {key: row[key] for key in row if key not in NUMBERS | {"top_k"}} == {
            key: other[key] for key in other if key not in NUMBERS | {"top_k"}
        }
        for name in NUMBERS & row.keys():
            assert row[name] == pytest.approx(other[name], abs=1e-6)
        if "top_k" in row:
            assert isinstance(row["top_k"], list)
            assert isinstance(other["top_k"], list)
            names = [[entry["genre"] for entry in top_k] for top_k in (row["top_k"], other["top_k"])]
            assert names[0] == names[1]
            for mine, its in zip(row["top_k"], other["top_k"], strict=True):
                assert mine["probability"] == pytest.approx(its["probability"], abs=1e-6)


@pytest.mark.parametrize("kind", ["same front end", "different front ends"])
def test_one_pass_gives_the_tables_of_a_run_for_each_bundle(folder: Path, tmp_path: Path, kind: str) -> None:
    if kind == "same front end":
        bundles = ["cheap", copy_of("cheap", tmp_path / "other", name="other", thresholds={"jazz": 0.9})]
    else:
        bundles = ["default", "cheap"]
    placement = "fused" if kind == "same front end" else "separate"
    output = tmp_path / "out"
    both = settings(folder, bundles, *CUT, f"predict.placement={placement}")
    reports = score_each(both.model_copy(update={"output": str(output)}))
    assert [(run.scored, run.rejected, run.done) for run in reports.runs] == [(5, 3, 8), (5, 3, 8)]
    assert len({run.bytes_read for run in reports.runs}) == 1
    alone = apart(folder, tmp_path / "apart", bundles)
    for table in ("scores", "rejects"):
        check_alike(comparable(output, table), comparable(alone, table))
    assert verify(VerifyConfig(output=str(output))).damage == 0
    for run in reports.runs:
        record = CanaryRecord.model_validate_json((output / "_runs" / str(run.run_id) / "canaries.json").read_bytes())
        assert [check.moment for check in record.checks] == ["start", "end"]
        assert all(check.answers and check.largest_change < 1e-3 for check in record.checks)
