import pytest
from sink.memory_store import MemoryStore
from sink.shard_rows import make_plan

from genre_batch.sink.plan import RunPlan
from genre_batch.sink.pointer import to_json
from genre_batch.verify.stored_record import read_record

PLAN = to_json(make_plan())


@pytest.mark.parametrize(
    ("data", "fault"),
    [
        (PLAN, None),
        (PLAN.replace(b'"source": ', b'"source":'), "is not as it was written"),
        (PLAN.replace(b"{", b'{\n "source": "twice",', 1), "is not as it was written"),
        (PLAN[:-3], "is not a RunPlan"),
        (PLAN.replace(b"source", b"sourse"), "is not a RunPlan"),
        (PLAN + b" ", "is not as it was written"),
    ],
)
def test_every_byte_counts(data: bytes, fault: str | None) -> None:
    assert read_record(MemoryStore({"/out/p": data}), "/out", "p", RunPlan).fault == fault


def test_a_record_of_an_older_version_is_whole() -> None:
    older = make_plan().model_dump_json(indent=1, exclude={"listing_sha256", "answers"}).encode() + b"\n"
    found = read_record(MemoryStore({"/out/p": older}), "/out", "p", RunPlan)
    assert (found.fault, found.value) == (None, make_plan())


def test_a_missing_record() -> None:
    found = read_record(MemoryStore(), "/out", "p", RunPlan)
    assert (found.data, found.value, found.fault) == (None, None, None)
