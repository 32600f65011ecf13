import tempfile
from collections import Counter
from pathlib import Path

import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sink.shard_rows import make_plan, make_track, make_tracks

from genre_batch.catalog import sorted_runs
from genre_batch.catalog.reject import printable
from genre_batch.catalog.track_table import to_batch
from genre_batch.sink.plan import RunPlan
from genre_batch.verify import scored_twice
from genre_batch.verify.findings import Findings
from genre_batch.verify.scored_twice import AnsweredKeys

FIRST = make_plan(run_id="20261121T065212Z-000000")
SECOND = make_plan(run_id="20261122T065212Z-000000")
OTHER = make_plan(run_id="20261123T065212Z-000000", fingerprint="0" * 64)
IDS = st.sampled_from(["a", "b", "c", "ca", "Z", "é", "e\u0301", "\n", "🎵", "1:a", "a:", ":"])
ETAGS = st.sampled_from(["", "v1", "v2", ":", "1:a"])
FILES = st.lists(
    st.tuples(st.sampled_from([FIRST, SECOND, OTHER]), st.lists(st.tuples(IDS, ETAGS), max_size=12)), max_size=6
)
Key = tuple[str, str]


def keys(*numbers: int, etag: str = "v1") -> pa.Table:
    tracks = to_batch([make_track(number, etag) for number in numbers])
    return pa.Table.from_batches([tracks]).select(["track_id", "etag"])


def shard(plan: RunPlan, number: int) -> str:
    return f"scores/{plan.run_id}-{number:08d}.parquet"


def test_only_the_same_version_by_the_same_model_is_twice(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(scored_twice, "_SORTED_AT_ONCE", 3)
    findings = Findings()
    with AnsweredKeys() as answered:
        for plan in (FIRST, OTHER):
            for start in range(0, 10, 2):
                answered.add(plan, shard(plan, start), keys(start, start + 1))
        answered.add(SECOND, shard(SECOND, 0), pa.concat_tables([keys(3, 4, 5), keys(6, etag="v2")]))
        answered.check(findings)
    assert [(finding.path, finding.tracks) for finding in findings.kept] == [
        (shard(SECOND, 0), 1),
        (shard(SECOND, 0), 2),
    ]
    assert [finding.message for finding in findings.kept] == [
        f"the same versions of tracks are in {shard(FIRST, 2)}, such as {printable(make_track(3).track_id)}",
        f"the same versions of tracks are in {shard(FIRST, 4)}, such as {printable(make_track(4).track_id)}",
    ]


def test_a_track_three_times() -> None:
    findings = Findings()
    with AnsweredKeys() as answered:
        for day in (1, 2, 3):
            plan = make_plan(run_id=f"2026112{day}T065212Z-000000")
            answered.add(plan, shard(plan, 0), keys(*range(len(make_tracks(2)))))
        answered.check(findings)
    assert sum(finding.tracks for finding in findings.kept) == 4


@given(files=FILES, at_once=st.integers(1, 4))
def test_the_findings_are_those_of_a_naive_comparison(files: list[tuple[RunPlan, list[Key]]], at_once: int) -> None:
    expected: Counter[tuple[str, str]] = Counter()
    first_file: dict[tuple[str, Key], str] = {}
    findings = Findings()
    with pytest.MonkeyPatch.context() as patch, AnsweredKeys() as answered:
        for module, name in ((scored_twice, "_SORTED_AT_ONCE"), (scored_twice, "_MERGED_AT_ONCE")):
            patch.setattr(module, name, at_once)
        patch.setattr(sorted_runs, "_MERGED_AT_ONCE", 2)
        for number, (plan, found) in enumerate(sorted(files, key=lambda file: file[0].run_id)):
            path = shard(plan, number)
            ids, etags = ([key[place] for key in found] for place in (0, 1))
            table = pa.table({"track_id": pa.array(ids, pa.string()), "etag": pa.array(etags, pa.string())})
            answered.add(plan, path, table)
            for key in found:
                model_key = plan.fingerprint, key
                if model_key in first_file:
                    expected[first_file[model_key], path] += 1
                first_file.setdefault(model_key, path)
        answered.check(findings)
    reported = Counter({(each.message.split()[7].rstrip(","), each.path): each.tracks for each in findings.kept})
    assert reported == expected


def test_its_temporary_files_are_removed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    monkeypatch.setattr(scored_twice, "_SORTED_AT_ONCE", 1)
    with AnsweredKeys() as answered:
        for plan in (FIRST, OTHER):
            answered.add(plan, shard(plan, 0), keys(1))
        assert len(list(tmp_path.rglob("*.arrow"))) == 2
    assert not list(tmp_path.iterdir())
