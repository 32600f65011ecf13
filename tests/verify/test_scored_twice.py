import pyarrow as pa
from sink.shard_rows import make_plan, make_track, make_tracks

from genre_batch.catalog.track_table import to_batch
from genre_batch.verify import scored_twice
from genre_batch.verify.findings import Findings
from genre_batch.verify.scored_twice import AnsweredKeys

FIRST = make_plan(run_id="20261121T065212Z-000000")
SECOND = make_plan(run_id="20261122T065212Z-000000")
OTHER = make_plan(run_id="20261123T065212Z-000000", fingerprint="0" * 64)


def keys(*numbers: int, etag: str = "v1") -> pa.Table:
    tracks = to_batch([make_track(number, etag) for number in numbers])
    return pa.Table.from_batches([tracks]).select(["track_id", "etag"])


def test_only_the_same_version_by_the_same_model_is_twice(monkeypatch) -> None:
    monkeypatch.setattr(scored_twice, "_KEPT_AT_ONCE", 3)
    findings = Findings()
    with AnsweredKeys() as answered:
        for plan in (FIRST, OTHER):
            for start in range(0, 10, 2):
                path = f"scores/{plan.run_id}-0000000{start}.parquet"
                answered.add(plan, path, keys(start, start + 1))
            answered.end_run(plan)
        answered.add(
            SECOND, f"scores/{SECOND.run_id}-00000000.parquet", pa.concat_tables([keys(3, 4, 5), keys(6, etag="v2")])
        )
        answered.end_run(SECOND)
        answered.check(findings)
    assert sorted((finding.path, finding.tracks) for finding in findings.kept) == [
        (f"scores/{SECOND.run_id}-00000000.parquet", 1),
        (f"scores/{SECOND.run_id}-00000000.parquet", 2),
    ]
    assert "\n" not in findings.kept[0].message


def test_a_track_three_times() -> None:
    findings = Findings()
    with AnsweredKeys() as answered:
        for day in (1, 2, 3):
            plan = make_plan(run_id=f"2026112{day}T065212Z-000000")
            answered.add(plan, f"scores/{plan.run_id}-00000000.parquet", keys(*range(len(make_tracks(2)))))
            answered.end_run(plan)
        answered.check(findings)
    assert sum(finding.tracks for finding in findings.kept) == 4
