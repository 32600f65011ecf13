"""The order in which an unfinished run goes: after a crash at any point it is whole, resumable, or a leftover."""

from datetime import UTC, datetime
from pathlib import Path

from genre_batch.config import GcConfig, VerifyConfig
from genre_batch.sink import layout
from genre_batch.sink.plan import RunPlan
from genre_batch.storage.local import LocalStore
from genre_batch.verify.leftovers import Leftovers
from genre_batch.verify.verification import verify


def test_a_run_that_is_given_up_is_never_damaged_on_the_way(output: Path, unfinished: RunPlan) -> None:
    config = GcConfig(output=str(output), unfinished=unfinished.run_id, delete=True, min_age_h=0)
    store = LocalStore()
    leftover = None
    for leftover in Leftovers(store, config, datetime.now(UTC)).find():
        assert leftover.why == "given_up"
        store.delete(layout.at(str(output), leftover.path))
        kinds = {finding.kind for finding in verify(VerifyConfig(output=str(output))).findings if finding.is_damage}
        assert not kinds, leftover.path
    assert leftover is not None
    assert leftover.path == layout.plan_path(unfinished.run_id)
