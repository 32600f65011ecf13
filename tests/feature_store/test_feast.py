"""Feast over the serving table of a backfilled week: as of any time, it knows what readers were served then."""

import re
import socket
import subprocess
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest
from feature_store.feast_process import Feast, feast_over, require_feast, shipped_repository
from outputs import write_run

from genre_batch import table
from genre_batch.catalog.reject import RejectReason
from genre_batch.history.unlisted import Unlisted, write_unlisted
from genre_batch.publish.gate import GateConfig
from genre_batch.publish.pointer import Published, read_published
from genre_batch.publish.publishing import PublishConfig, publish
from genre_batch.storage.local import LocalStore

pytestmark = [pytest.mark.feast, pytest.mark.timeout(300)]

STORE = LocalStore()
NAMES = [*"abcdxy", "never"]
Genres = dict[str, str]


@dataclass
class Week:
    """An output, and what was served after each publication."""

    output: str
    steps: list[tuple[Published, Genres]] = field(default_factory=list)

    def label(self, day: int, outcomes: dict[str, str | RejectReason]) -> str:
        """A finished run that was planned on that day. Names are of tracks, with their version after a colon.

        The embedding of its tracks is (day, -0.5).
        """
        named = {(name.partition(":")[0], name.partition(":")[2] or "v1"): it for name, it in outcomes.items()}
        embedding = np.array([day, -0.5], "<f2").tobytes()
        return write_run(STORE, self.output, day, named, embedding=embedding).run_id

    def lacks(self, run_id: str, *names: str) -> None:
        gone = Unlisted([0])
        gone.add(0, pa.array(names, pa.string()), pa.array([], pa.string()))
        write_unlisted(STORE, self.output, "s3://music", gone.rows(run_id))

    def publish(self, **changes: object) -> None:
        anything = GateConfig(max_deleted_rate=1.0, max_reject_rate=1.0)
        publish(PublishConfig.model_validate({"output": self.output, "rules": anything, **changes}))
        rows = table.latest(self.output, columns=["track_id", "genre"])
        now = read_published(STORE, self.output)
        assert now
        self.steps.append((now, dict(zip(rows["track_id"], rows["genre"], strict=True))))

    @property
    def times(self) -> list[datetime]:
        return [step.at for step, _ in self.steps]


@pytest.fixture(scope="module")
def week(tmp_path_factory: pytest.TempPathFactory) -> Week:
    """Seven publications. The backfill is planned before all of them, and served from the fourth on."""
    week = Week(str(tmp_path_factory.mktemp("week") / "genres"))
    week.label(1, {"a": "rock", "b": "jazz"})
    week.publish()
    week.label(2, {"c": "pop", "a:v2": "pop"})
    week.publish()
    week.lacks(week.label(3, {"d": "rock"}), "b")
    week.publish()
    week.label(0, {"x": "metal", "y": "rock", "a": "rock"})
    week.publish()
    week.label(5, {"x:v2": "jazz", "y:v2": RejectReason.CORRUPT})
    week.publish()
    week.publish(rollback=True)
    week.lacks(week.label(7, {"b:v3": "blues"}))
    week.publish()
    return week


def test_the_week_has_what_is_asked_about(week: Week) -> None:
    assert [genres for _, genres in week.steps] == [
        {"a": "rock", "b": "jazz"},
        {"a": "pop", "b": "jazz", "c": "pop"},
        {"a": "pop", "c": "pop", "d": "rock"},
        {"a": "pop", "c": "pop", "d": "rock", "x": "metal", "y": "rock"},
        {"a": "pop", "c": "pop", "d": "rock", "x": "jazz"},
        {"a": "pop", "c": "pop", "d": "rock", "x": "metal", "y": "rock"},
        {"a": "pop", "b": "blues", "c": "pop", "d": "rock", "x": "metal", "y": "rock"},
    ]


@contextmanager
def redis(folder: Path) -> Iterator[str]:
    """The address of a Redis of our own."""
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    command = ["redis-server", "--bind", "127.0.0.1", "--port", str(port), "--dir", str(folder), "--save", ""]
    server = subprocess.Popen(command, stdout=subprocess.DEVNULL)
    try:
        deadline_s = time.monotonic() + 60
        while time.monotonic() < deadline_s:
            with suppress(OSError), socket.create_connection(("127.0.0.1", port), timeout=1):
                break
            time.sleep(0.05)
        yield f"127.0.0.1:{port}"
    finally:
        server.terminate()
        server.wait()


@pytest.fixture(scope="module", params=["sqlite", "redis"])
def feast(request: pytest.FixtureRequest, week: Week, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Feast]:
    """The shipped repository, applied, with one of two online stores."""
    require_feast(*(["redis-server"] if request.param == "redis" else []))
    repository = shipped_repository(tmp_path_factory.mktemp("feast"))
    with ExitStack() as stack:
        if request.param == "redis":
            address = stack.enter_context(redis(tmp_path_factory.mktemp("redis")))
            file = repository / "feature_store.yaml"
            text, replaced = re.subn(
                r"type: sqlite.*\n  path: .*", f'type: redis\n  connection_string: "{address}"', file.read_text()
            )
            assert replaced == 1
            file.write_text(text)
        yield stack.enter_context(feast_over(repository, week.output))


def genres(feast: Feast) -> Genres:
    """The genres in the online store; a track without one is left out."""
    found = feast.online(NAMES, "genre")["genre"]
    return {name: str(genre) for name, genre in zip(NAMES, found, strict=True) if genre is not None}


def test_as_of_any_time_feast_knows_what_was_served_then(feast: Feast, week: Week) -> None:
    served = [{}, *(each for _, each in week.steps)]
    moments = zip(week.times, served[1:], strict=True)
    just_before = zip((at - timedelta(microseconds=1) for at in week.times), served[:-1], strict=True)
    expected = {(name, at): each.get(name) for at, each in [*moments, *just_before] for name in NAMES}
    assert feast.as_of(expected) == expected


def test_embeddings_are_those_that_were_served_then(feast: Feast, week: Week) -> None:
    first, third = (week.times[number].isoformat() for number in (0, 2))
    assert feast.ask("historical_embeddings", asked=[("a", first), ("b", first), ("c", first)]) == {
        "a": [1.0, -0.5],
        "b": [1.0, -0.5],
        "c": None,
    }
    assert feast.ask("historical_embeddings", asked=[("a", third), ("b", third)]) == {"a": [2.0, -0.5], "b": None}


def test_the_online_store_follows_by_materialize_and_by_push(feast: Feast, week: Week) -> None:
    assert genres(feast) == {}
    feast.ask("materialize", until=week.times[2].isoformat())
    assert genres(feast) == week.steps[2][1]
    gone = feast.online(["b"], "genre", "confidence", "deleted")
    assert (gone["genre"], gone["confidence"], gone["deleted"]) == ([None], [None], [True])
    for step, served in week.steps[3:5]:
        feast.ask("push", pattern=f"{week.output}/serving/dt=*/{step.step}-*.parquet")
        assert genres(feast) == served
    feast.ask("materialize", until=(week.times[-1] + timedelta(seconds=1)).isoformat())
    assert genres(feast) == week.steps[-1][1]
    assert set(feast.online(NAMES, "model_id")["model_id"]) == {None, "mel-cnn-1"}
    embeddings = feast.online(["a", "b", "x", "never"], "embedding")["embedding"]
    assert embeddings == [[2.0, -0.5], [7.0, -0.5], [0.0, -0.5], None]
