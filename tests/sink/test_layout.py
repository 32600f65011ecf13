"""Paths of an output; and the commands in hints exist."""

import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sink.shard_rows import RUN_ID, make_plan
from typer.testing import CliRunner

from genre_batch.cli.app import app
from genre_batch.sink import layout
from genre_batch.sink.layout import give_up_hint, repair_hint


def test_paths_are_those_of_the_house_plan() -> None:
    run = make_plan()
    assert layout.answers_path(run, 7) == f"scores/model=mel-cnn-1/dt=2026-11-21/{RUN_ID}-00000007.parquet"
    assert layout.rejects_path(run, 7) == f"rejects/model=mel-cnn-1/dt=2026-11-21/{RUN_ID}-00000007.parquet"
    assert layout.commit_path(RUN_ID, 7) == f"_runs/{RUN_ID}/commits/00000007.json"
    assert layout.plan_path(RUN_ID) == f"_runs/{RUN_ID}/plan.json"
    assert layout.manifest_path(RUN_ID) == f"_runs/{RUN_ID}/manifest.json"
    assert layout.LATEST == "_latest.json"


@pytest.mark.parametrize("output", ["s3://bucket/table", "s3://bucket/table/", "/table", "s3://bucket"])
def test_an_output_may_end_in_a_slash(output: str) -> None:
    assert layout.at(output, "_latest.json") == f"{output.rstrip('/')}/_latest.json"


@given(st.integers(0, 10**8 - 1), st.integers(0, 10**8 - 1))
def test_markers_sort_as_their_shards_do(one: int, other: int) -> None:
    paths = (layout.commit_path(RUN_ID, one), layout.commit_path(RUN_ID, other))
    assert (paths[0] < paths[1]) == (one < other)
    assert layout.shard_of_commit(f"s3://bucket/{paths[0]}") == one


@pytest.mark.parametrize("shard", [-1, 10**8])
def test_shards_that_would_not_sort_are_refused(shard: int) -> None:
    with pytest.raises(ValueError, match="not between 0 and 99999999"):
        layout.shard_name(shard)


@pytest.mark.parametrize(
    "name", ["1.json", "0000000a.json", "00000001.json.tmp", "00000001", ".json", "²0000001.json", "٠٠٠٠٠٠٠١.json"]
)
def test_other_names_are_not_markers(name: str) -> None:
    assert layout.shard_of_commit(f"/table/_runs/{RUN_ID}/commits/{name}") is None


def test_are_own_agrees_with_is_own() -> None:
    output = "s3://b/out"
    own = ["scores/model=m/x", "_runs/x", "_latest.json", "rejects/model=", "serving/dt=x", "serving/_delta_log/0.json"]
    names = [*own, "serving/a.json", "scores/mine.mp3", "a.mp3", "Rejects/model="]
    uris = [layout.at(output, name) for name in names] + ["s3://b/scores/model=m/x", "/é"]
    expected = [layout.is_own(output, uri) for uri in uris]
    assert layout.are_own(output, pa.array(uris)).to_pylist() == expected
    assert expected.count(True) == len(own)
    assert layout.are_own(output, pa.array([], pa.string())).to_pylist() == []


def test_names_that_are_not_utf8_are_whole_uris() -> None:
    output, odd = "/a b/out", "file:///a%20b/out/scores/model%3Dm/%FF.parquet"
    uris = [odd, "file:///a%20b/out/scores/mine%FF", "file:///a%20b/music%FF", "/a b/out/scores/model=m/x"]
    assert [layout.is_own(output, uri) for uri in uris] == [True, False, False, True]
    assert layout.are_own(output, pa.array(uris)).to_pylist() == [True, False, False, True]
    assert layout.at(output, odd) == layout.at(f"{output}/", odd) == odd
    assert layout.as_name(output, odd) == "scores/model%3Dm/%FF.parquet"
    assert layout.as_name(output, "scores/x") == "scores/x"
    assert layout.at("s3://b/out", odd) == f"s3://b/out/{odd}"
    assert layout.as_name("s3://b/out", odd) == odd


@pytest.mark.parametrize("command", [repair_hint("/nowhere"), give_up_hint("/nowhere", "20261121T065212Z-3f09ab")])
def test_the_commands_in_hints_exist(command: str) -> None:
    program, *words = command.split()
    assert program == "genre-batch"
    assert CliRunner().invoke(app, words).exit_code == 2
    assert "/nowhere" in CliRunner().invoke(app, words).output
