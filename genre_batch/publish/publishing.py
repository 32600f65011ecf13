"""`publish`: serve the runs that have finished since the last time, if the rules allow it; or go a step back."""

import hashlib
from collections.abc import Iterable, Iterator, Sequence
from typing import Literal

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from genre_batch.catalog.source import user_errors
from genre_batch.errors import UsageError
from genre_batch.history.done_writer import extend_done_index
from genre_batch.history.unlisted import DELETED, gone_bytes, read_unlisted
from genre_batch.model.taxonomy_map import chosen_map
from genre_batch.publish.changes import tracks_served, tracks_tried
from genre_batch.publish.delta import DeltaLake
from genre_batch.publish.gate import Evidence, Ruling, rulings
from genre_batch.publish.iceberg import IcebergLake
from genre_batch.publish.labels import check_labels, keep_labels, labels_path, read_labels
from genre_batch.publish.lakes import Lake, register_steps
from genre_batch.publish.pointer import (
    Published,
    PublishedModel,
    next_step,
    read_published,
    step_back,
    take_step,
)
from genre_batch.publish.publish_report import PublishReport
from genre_batch.publish.publish_settings import PublishSettings
from genre_batch.publish.serving import published_manifest, write_serving
from genre_batch.sink import layout
from genre_batch.sink.canary_record import canary_records
from genre_batch.sink.finish import Latest, RunManifest, is_finished, read_manifest
from genre_batch.sink.json_records import read_pointer
from genre_batch.sink.parquet import read_columns
from genre_batch.sink.plan import run_ids
from genre_batch.sink.record import Counts, total
from genre_batch.sink.verdict import read_verdict
from genre_batch.storage.open_store import UriOrPath, open_store
from genre_batch.storage.store import Store

_BINS = 10


class PublishConfig(PublishSettings):
    """Settings of `genre-batch publish`. output: the output of `genre-batch score`."""

    output: UriOrPath


class _Refused(Exception):
    """A rule refuses the step."""


def publish(config: PublishConfig) -> PublishReport:
    """Move `_published.json` if there is something new and every rule agrees, and report.

    Raises UsageError if there is no table, no such model or nothing to roll back, and what the store raises.
    """
    with user_errors():
        store = open_store(config.output)
        report = _roll_back(store, config) if config.rollback else _Publication(store, config).run()
        written = write_serving(store, config.output) if config.serving else []
        registered = {lake.name: register_steps(store, config.output, lake) for lake in _lakes(config)}
        if config.done_index:
            extend_done_index(store, config.output)
        return report.model_copy(
            update={"serving_rows": sum(record.rows for record in written), "registered": registered}
        )


def _lakes(config: PublishConfig) -> Iterator[Lake]:
    if config.iceberg:
        yield IcebergLake(config.output, config.iceberg)
    if config.delta:
        yield DeltaLake(config.output)


def _roll_back(store: Store, config: PublishConfig) -> PublishReport:
    def change(now: Published | None) -> Published:
        before = step_back(store, config.output, now) if now else None
        if before is None:
            raise UsageError(
                f"there is no earlier publication at {config.output!r}", "publish --model chooses what is served"
            )
        return before

    return _report(config, take_step(store, config.output, change), "rolled_back", (), ())


def _report(
    config: PublishConfig,
    now: Published | None,
    outcome: Literal["published", "rolled_back", "unchanged", "refused"],
    new_runs: Sequence[str],
    found: Iterable[Ruling],
) -> PublishReport:
    table = now.models.get(now.model_id) if now else None
    return PublishReport(
        output=config.output,
        outcome=outcome,
        step=now.step if now and outcome in ("published", "rolled_back") else None,
        model_id=now.model_id if now else "",
        runs=len(table.runs) if table else 0,
        new_runs=tuple(new_runs),
        answers=table.counts.scored if table else 0,
        rulings=tuple(found),
        withheld=now.withheld if now else (),
    )


class _Publication:
    """One publication: its evidence is gathered again whenever another publisher was first."""

    def __init__(self, store: Store, config: PublishConfig) -> None:
        self._store, self._config = store, config
        self._rulings: list[Ruling] = []
        self._has_step = False
        self._new_runs: tuple[str, ...] = ()
        named = None if config.taxonomy == "none" else config.taxonomy
        self._mapping = chosen_map(named, parents=config.parents)

    def run(self) -> PublishReport:
        """Publish, and report."""
        outcome: Literal["published", "unchanged", "refused"] = "published"
        try:
            now = take_step(self._store, self._config.output, self._change)
        except _Refused:
            now, outcome = read_published(self._store, self._config.output), "refused"
        else:
            outcome = "published" if self._has_step else "unchanged"
        return _report(self._config, now, outcome, self._new_runs, self._rulings)

    def _change(self, now: Published | None) -> Published | None:
        self._rulings, self._new_runs, self._has_step = [], (), False
        model_id = self._config.model or (now.model_id if now else self._latest_model())
        served = now.models.get(model_id) if now else None
        withheld, without = frozenset(now.withheld if now else ()), frozenset(self._config.without)
        known = (frozenset() if self._config.again else withheld).union(served.runs if served else ())
        manifests = list(self._new_manifests(model_id, known))
        if unknown := without - withheld - {manifest.plan.run_id for manifest in manifests}:
            raise UsageError(
                f"run {min(unknown)} would not be published now, so it cannot be withheld",
                "--without takes finished runs of the model that are not served; --rollback withholds those that are",
            )
        manifests = [manifest for manifest in manifests if manifest.plan.run_id not in without]
        switches = now is not None and now.model_id != model_id
        if not manifests and served is None:
            raise UsageError(
                f"no run of a model {model_id!r} has finished at {self._config.output!r}",
                "see the folders below scores/ for the models",
            )
        unlisted = read_unlisted(self._store, self._config.output)
        gone = unlisted.filter(pc.equal(unlisted["reason"], DELETED))
        deleted, deleted_tracks = _deleted_path(gone), len(gone["track_id"].unique())
        taxonomy = self._taxonomy(now)
        relabels = taxonomy != (now.taxonomy if now else None)
        withholds = not without <= withheld
        if not (manifests or switches or relabels or withholds) and deleted == (now.deleted if now else None):
            return None
        new = self._table_of(manifests)
        verdict = read_verdict(self._store, self._config.output, manifests[-1].plan.run_id) if manifests else None
        withdrawn = max(deleted_tracks - (now.deleted_tracks if now else 0), 0)
        canaries = canary_records(self._store, self._config.output, new.runs)
        tried, failed = self._tried(manifests, new.counts, unlisted)
        tables = {**(now.models if now else {}), model_id: served.joined(new) if served else new}
        evidence = Evidence(
            new=new,
            served=served,
            tried=tried,
            failed=failed,
            verdict=verdict,
            answered=self._tracks(next_step(now, "switch", model_id, tables)) if switches or withdrawn else 0,
            replaced=self._tracks(now) if now and switches else None,
            deleted=withdrawn,
            canaries=canaries,
        )
        self._rulings, self._new_runs = rulings(evidence, self._config.rules), new.runs
        if not all(each.passed for each in self._rulings):
            raise _Refused
        self._keep_labels(taxonomy, manifests, served.runs if served and (relabels or switches) else ())
        if deleted:
            self._store.create(layout.at(self._config.output, deleted), gone_bytes(gone))
        step = next_step(now, "switch" if switches else "publish", model_id, tables)
        self._has_step = True
        more = {"deleted": deleted, "deleted_tracks": deleted_tracks, "taxonomy": taxonomy}
        return step.model_copy(update={**more, "withheld": tuple(sorted(without.union(step.withheld)))})

    def _tracks(self, step: Published) -> int:
        """The tracks with an answer at a step; for features, the answers, also to earlier versions of a track."""
        table = step.models[step.model_id]
        if table.answers != "scores":
            return table.counts.scored
        manifests = {run_id: published_manifest(self._store, self._config.output, run_id) for run_id in table.runs}
        return tracks_served(self._store, self._config.output, step, manifests)

    def _tried(self, manifests: Sequence[RunManifest], counts: Counts, unlisted: pa.Table) -> tuple[int, int]:
        """The tracks that the runs tried, and those that failed. Without any that failed, no keys have to be read."""
        if not counts.failed:
            return counts.tried, 0
        return tracks_tried(self._store, self._config.output, manifests, unlisted)

    def _taxonomy(self, now: Published | None) -> str | None:
        if self._config.taxonomy == "none":
            return None
        return labels_path(self._mapping) if self._mapping else now.taxonomy if now else None

    def _keep_labels(self, taxonomy: str | None, new: Sequence[RunManifest], others: Iterable[str]) -> None:
        """Keep the map. Raises UsageError if it lacks a label of these runs: their rows could not be made later."""
        if taxonomy is None:
            return
        store, output = self._store, self._config.output
        mapping = self._mapping or read_labels(store, output, taxonomy)
        old = (manifest for run_id in others if (manifest := read_manifest(store, output, run_id)))
        check_labels(store, output, mapping, [*new, *old])
        keep_labels(store, output, mapping)

    def _latest_model(self) -> str:
        latest = read_pointer(self._store, layout.at(self._config.output, layout.LATEST), Latest)
        if latest is None:
            raise UsageError(
                f"no run at {self._config.output!r} has finished and not failed",
                "give the OUTPUT of `genre-batch score`, or name the model: --model",
            )
        return latest[0].model_id

    def _new_manifests(self, model_id: str, known: frozenset[str]) -> Iterable[RunManifest]:
        """The finished runs of the model that are not `known`, oldest first."""
        for run_id in run_ids(self._store, self._config.output):
            if run_id in known:
                continue
            manifest = read_manifest(self._store, self._config.output, run_id)
            if manifest is None or manifest.plan.model_id != model_id:
                continue
            # a run without its verdict may be about to fail
            if is_finished(self._store, self._config.output, run_id):
                yield manifest

    def _table_of(self, manifests: Sequence[RunManifest]) -> PublishedModel:
        confidence = np.zeros(_BINS, np.int64)
        for manifest in manifests:
            for file in manifest.files if manifest.plan.answers == "scores" else ():
                if layout.table_of(file.path) == "scores":
                    confidence += self._histogram(file.path)
        return PublishedModel(
            answers=manifests[0].plan.answers if manifests else "scores",
            runs=tuple(manifest.plan.run_id for manifest in manifests),
            counts=total(manifest.counts for manifest in manifests),
            confidence=tuple(confidence.tolist()),
        )

    def _histogram(self, path: str) -> npt.NDArray[np.int64]:
        data = self._store.read(layout.at(self._config.output, path))
        values = read_columns(data, ["confidence"], path, self._config.output)["confidence"].to_numpy()
        return np.histogram(values, bins=_BINS, range=(0.0, 1.0))[0].astype(np.int64)


def _deleted_path(gone: pa.Table) -> str | None:
    """Where the tracks that are gone are kept; None if there are none."""
    return layout.deleted_path(hashlib.sha256(gone_bytes(gone)).hexdigest()) if gone.num_rows else None
