"""The drift of a run against the table without it, as the gate would see it."""

from pathlib import Path

import numpy as np
import pytest
from reports.finished_catalog import finished_catalog

from genre_batch.publish.gate import stability_index
from genre_batch.publish.pointer import read_published
from genre_batch.reports.catalog_drift import drift_of
from genre_batch.sink.finish import read_manifest
from genre_batch.sink.record import total
from genre_batch.storage.local import LocalStore

STORE = LocalStore()


def test_a_new_run_is_compared_with_the_published_table(tmp_path: Path) -> None:
    plans = finished_catalog(tmp_path)
    output = str(tmp_path)
    published, manifest = read_published(STORE, output), read_manifest(STORE, output, plans[-1].run_id)
    assert published
    assert manifest
    table = published.models["mel-cnn-1"]
    drift = drift_of(STORE, output, manifest, table)
    assert drift is not None
    old, new = table.counts.genres, manifest.counts.genres
    assert drift.genre_psi == pytest.approx(stability_index([(old[name], new.get(name, 0)) for name in old]))
    assert (drift.answers, drift.against) == (sum(new.values()), sum(old.values()))
    assert sum(each.psi for each in drift.genres) == pytest.approx(drift.genre_psi)
    assert sum(each.published for each in drift.genres) == pytest.approx(1.0)
    assert drift.genres[0].run == 0.0
    assert drift.confidence_psi > 0


def test_a_published_run_is_taken_out_of_the_table_first(tmp_path: Path) -> None:
    plans = finished_catalog(tmp_path)
    output = str(tmp_path)
    manifests = [read_manifest(STORE, output, plan.run_id) for plan in plans[:-1]]
    good = [each for each in manifests if each]
    published = read_published(STORE, output)
    assert published
    table = published.models["mel-cnn-1"]
    drift = drift_of(STORE, output, good[-1], table)
    assert drift is not None
    before = total(each.counts for each in good[:-1]).genres
    assert {each.genre: each.published for each in drift.genres} == {
        name: pytest.approx(count / sum(before.values())) for name, count in before.items()
    }
    alone = table.model_copy(
        update={
            "runs": (plans[0].run_id,),
            "counts": good[0].counts,
            "confidence": tuple(np.array(table.confidence) * 0 + 99),
        }
    )
    assert drift_of(STORE, output, good[0], alone) is None
