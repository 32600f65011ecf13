from pathlib import Path

import pytest

from genre_batch.errors import DamageFound
from genre_batch.storage.local import LocalStore
from genre_batch.storage.store import AccessDenied, NoCredentials, ReadFailed, StorageError
from genre_batch.verify.findings import Kind
from genre_batch.verify.output import Missing, Output, Unreadable, kind_of, reading


@pytest.mark.parametrize("kind", [ReadFailed, AccessDenied])
def test_one_object_that_cannot_be_read_is_damage(kind: type[StorageError]) -> None:
    with pytest.raises(Unreadable, match="it cannot be read: a bad sector") as found, reading():
        raise kind("a bad sector")
    assert kind_of(found.value) is Kind.DAMAGED


def test_missing_credentials_affect_all_objects() -> None:
    with pytest.raises(NoCredentials), reading():
        raise NoCredentials("there are no credentials")


def test_paths_are_relative_to_the_output(tmp_path: Path) -> None:
    output = Output(LocalStore(), str(tmp_path))
    (tmp_path / "a").mkdir()
    (tmp_path / "a" / "b").write_bytes(b"c")
    assert output.path(output.uri("a/b")) == "a/b"
    assert [path for path, _ in output.list("a/")] == ["a/b"]
    assert output.read("a/b") == b"c"
    assert (output.exists("a/b"), output.exists("a/c")) == (True, False)


def test_what_is_missing_is_said_in_the_words_of_the_caller(tmp_path: Path) -> None:
    with pytest.raises(Missing, match=r"^the plan is missing$") as found:
        Output(LocalStore(), str(tmp_path)).read("plan.json", missing="the plan is missing")
    assert kind_of(found.value) is Kind.MISSING
    assert kind_of(DamageFound("it is torn")) is Kind.DAMAGED
