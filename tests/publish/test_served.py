"""Which rows readers get; `tests/publish/test_publishing.py` has the whole way from runs to rows."""

from pathlib import Path

import pytest
from outputs import write_run

from genre_batch.errors import UsageError
from genre_batch.publish.publishing import PublishConfig, publish
from genre_batch.publish.served import Served, gone_rows, served_rows
from genre_batch.storage.local import LocalStore


def test_the_published_runs_of_a_model_or_else_all_of_the_latest(tmp_path: Path) -> None:
    store, output = LocalStore(), str(tmp_path)
    with pytest.raises(UsageError, match="there is no table"):
        served_rows(store, output, None)
    first = write_run(store, output, 0, {("a", "v1"): "rock"})
    assert served_rows(store, output, None) == Served("scores", first.model_id, None)
    publish(PublishConfig(output=output))
    write_run(store, output, 1, {("b", "v1"): "rock"}, model_id="candidate", fingerprint="0" * 64)
    published = Served("scores", first.model_id, frozenset([first.run_id]))
    assert served_rows(store, output, None) == served_rows(store, output, first.model_id) == published
    assert served_rows(store, output, "candidate") == Served("scores", "candidate", None)
    with pytest.raises(UsageError, match="no model 'x'"):
        served_rows(store, output, "x")
    assert gone_rows(published).num_rows == 0
