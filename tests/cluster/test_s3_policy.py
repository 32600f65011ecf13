"""The S3 policies allow every request that the code sends: the keys come from the code, not from a list here."""

import ast
import inspect
import json
from collections.abc import Iterator
from datetime import UTC, datetime
from fnmatch import fnmatchcase
from typing import Any

import pytest
from cluster_files import CLUSTER, ROOT
from s3_server import S3Server

from genre_batch.config import ScoreConfig, load
from genre_batch.run import output_check
from genre_batch.run.doctor import doctor
from genre_batch.sink import layout
from genre_batch.sink.run_facts import RunFacts
from genre_batch.storage.s3_client import s3_client
from genre_batch.verify.records import DAMAGED_FOLDER

MUSIC, RESULTS = "your-music-bucket", "your-results-bucket"
NOW = datetime(2026, 1, 2, tzinfo=UTC)
RUN = "20260102T000000Z-0123abcd"
FACTS = {
    answers: RunFacts.model_construct(run_id=RUN, model_id="default-0123abcd", answers=answers, planned_at=NOW)
    for answers in ("scores", "features")
}
VALUES: dict[str, object] = {
    "run_id": RUN, "name": "config.yaml", "shard_index": 7, "start": 0, "stop": 64, "identity": "0123abcd",
    "source": "0123abcd", "key": "0123abcd", "step": "20260102T000000Z-0123abcd", "dt": "2026-01-02", "number": 3,
    "sha256": "0" * 64, "output": "",
}  # fmt: skip


def statements(name: str = "s3-policy.json") -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = json.loads((CLUSTER / f"aws/{name}").read_text())["Statement"]
    return found


def allowed(action: str, bucket: str, key: str = "", name: str = "s3-policy.json") -> bool:
    """Whether the policy allows an action, as IAM decides it for statements that only allow and have no condition."""
    resource = f"arn:aws:s3:::{bucket}/{key}" if key else f"arn:aws:s3:::{bucket}"
    return any(
        s["Effect"] == "Allow"
        and "Condition" not in s
        and any(fnmatchcase(action, a) for a in _listed(s["Action"]))
        and any(fnmatchcase(resource, r) for r in _listed(s["Resource"]))
        for s in statements(name)
    )


def paths() -> Iterator[str]:
    """A path of each kind in an output: what each function of the layout gives, and its constants."""
    for name, value in vars(layout).items():
        if name.startswith("_") or inspect.getmodule(value) not in (None, layout):
            continue
        if isinstance(value, str):
            yield f"{value}x" if value.endswith("/") else value
        elif inspect.isfunction(value) and name.endswith(("_path", "_folder")):
            wanted = inspect.signature(value).parameters
            for facts in FACTS.values() if "run" in wanted else (None,):
                path = value(**{given: facts if given == "run" else VALUES[given] for given in wanted})
                yield f"{path}x" if path.endswith("/") else path


PATHS = sorted({path.lstrip("/") for path in paths()})

# where the code deletes objects of an output, and which
DELETED_BY_THE_JOB = {
    "run/doctor.py": f"{layout.RUNS_FOLDER}_doctor/x",
    "run/possession.py": layout.heartbeat_path(RUN),
    "storage/writable.py": output_check._PROBE,
    "sink/verdict.py": layout.verdict_path(RUN),
    "sink/part_ledger.py": layout.staged_path(RUN, 0, 64),
    "history/done_writer.py": layout.done_file_path("0123abcd", "x.parquet"),
    "publish/pointer.py": layout.published_step_path("x"),
}
DELETED_BY_CARE = {"verify/gc.py", "verify/repair.py"}


def test_the_paths_are_those_of_every_table_and_record() -> None:
    assert {path.split("/")[0] for path in PATHS} == {
        "_latest.json", "_published", "_published.json", "_runs", "features", "rejects", "scores", "serving",
    }  # fmt: skip
    assert len(PATHS) > 25


@pytest.mark.parametrize("path", PATHS)
def test_whatever_is_in_an_output_may_be_read_and_written(path: str) -> None:
    for action in ("s3:GetObject", "s3:PutObject"):
        assert allowed(action, RESULTS, f"genres/{path}")
        assert not allowed(action, RESULTS, f"other/{path}")


def test_every_place_that_deletes_is_known() -> None:
    package = ROOT / "genre_batch"
    calls = {
        str(file.relative_to(package))
        for file in package.rglob("*.py")
        for node in ast.walk(ast.parse(file.read_text(encoding="utf-8")))
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and node.func.attr == "delete"
    }
    assert calls == DELETED_BY_THE_JOB.keys() | DELETED_BY_CARE


@pytest.mark.parametrize("place", DELETED_BY_THE_JOB)
def test_a_run_may_delete_what_its_code_deletes(place: str) -> None:
    assert allowed("s3:DeleteObject", RESULTS, f"genres/{DELETED_BY_THE_JOB[place]}")


@pytest.mark.parametrize("path", [path for path in PATHS if not path.startswith(("_runs/", "_published/"))])
def test_a_run_may_delete_no_table_and_no_pointer(path: str) -> None:
    assert not allowed("s3:DeleteObject", RESULTS, f"genres/{path}")


@pytest.mark.parametrize("path", [*PATHS, layout.run_path(RUN, f"{DAMAGED_FOLDER}scores/x")])
def test_gc_and_repair_may_delete_whatever_is_in_an_output(path: str) -> None:
    assert allowed("s3:DeleteObject", RESULTS, f"genres/{path}", "s3-care-policy.json")
    assert not allowed("s3:DeleteObject", RESULTS, f"other/{path}", "s3-care-policy.json")


def test_nothing_of_the_music_may_be_changed() -> None:
    assert allowed("s3:GetObject", MUSIC, "music/a.mp3")
    assert not allowed("s3:GetObject", MUSIC, "other/a.mp3")
    for action in ("s3:PutObject", "s3:DeleteObject"):
        for name in ("s3-policy.json", "s3-care-policy.json"):
            assert not allowed(action, MUSIC, "music/a.mp3", name)


def test_no_more_actions_are_allowed() -> None:
    assert {a for s in statements() for a in _listed(s["Action"])} == {
        "s3:ListBucket", "s3:GetObject", "s3:PutObject", "s3:DeleteObject",
    }  # fmt: skip


# the permission that each request needs; a HEAD of an object needs that of reading it
PERMISSIONS = {
    "ListObjectsV2": "s3:ListBucket",
    "HeadBucket": "s3:ListBucket",
    "HeadObject": "s3:GetObject",
    "GetObject": "s3:GetObject",
    "PutObject": "s3:PutObject",
    "DeleteObject": "s3:DeleteObject",
}


def test_the_doctor_passes_with_the_policy(moto_s3: S3Server) -> None:
    """Each request of the doctor is allowed, also the one for a bucket, which has no prefix for a condition to see."""
    music, results = moto_s3.new_bucket(), moto_s3.new_bucket()
    moto_s3.client.put_object(Bucket=music, Key="music/a.mp3", Body=b"xyz")
    in_policy = {music: MUSIC, results: RESULTS}
    asked: list[tuple[str, str, str]] = []

    def note(params: dict[str, str], model: Any, **_: object) -> None:
        asked.append((PERMISSIONS[model.name], in_policy[params["Bucket"]], params.get("Key", "")))

    events = s3_client().meta.events
    events.register("provide-client-params.s3", note)
    try:
        config = load(ScoreConfig, None, (), {"source": f"s3://{music}/music/", "output": f"s3://{results}/genres"})
        report = doctor(config, with_cluster=lambda _: "")
    finally:
        events.unregister("provide-client-params.s3", note)
    assert all(check.passed for check in report.checks)
    assert {action for action, _, _ in asked} == set(PERMISSIONS.values())
    assert [each for each in asked if not allowed(*each)] == []


def _listed(value: str | list[str]) -> list[str]:
    return [value] if isinstance(value, str) else value
