"""The page of a run: what it labelled, how sure it was, and what it had to leave out."""

from collections.abc import Mapping
from dataclasses import dataclass

from genre_batch.errors import DamageFound, UsageError
from genre_batch.evaluation.page import picture, render, report_libraries
from genre_batch.run.score_tally import ScoreTally, tally_files
from genre_batch.sink import layout
from genre_batch.sink.finish import Latest, RunManifest, read_manifest
from genre_batch.sink.pointer import read_pointer
from genre_batch.storage.open_store import absolute, open_store
from genre_batch.storage.store import StorageError, Store


@dataclass(frozen=True, slots=True)
class RunTable:
    """A finished run below `output`, and the sums over its files."""

    output: str
    manifest: RunManifest
    tally: ScoreTally


def read_run(output: str, run_id: str | None = None) -> RunTable:
    """The run of that id below `output`, by default the latest one that finished.

    Raises UsageError where there is none or it holds no scores, DamageFound where its files are not what its manifest
    says.
    """
    uri = absolute(output)
    store = open_store(uri)
    try:
        manifest = _manifest(store, uri, run_id)
        tally = tally_files(store, uri, manifest.files)
    except StorageError as error:
        raise UsageError(f"the run cannot be read: {error}", "check the address and the credentials") from error
    found = tally.scored, dict(tally.reasons)
    told = manifest.counts.scored, {reason.value: n for reason, n in manifest.counts.rejected_by_reason.items()}
    if found != told:
        raise DamageFound(
            f"the files of run {manifest.plan.run_id} hold other rows than its manifest says", "score again"
        )
    return RunTable(uri, manifest, tally)


def table_page(run: RunTable) -> str:
    """One self-contained HTML page of the run. Raises UsageError where the libraries of `report` are missing."""
    with report_libraries():
        from genre_batch.evaluation.figure_style import VERMILLION
        from genre_batch.evaluation.table_figures import confidence_histogram, counts_by_name

    tally = run.tally
    pictures = {
        "genres": picture(counts_by_name(tally.genres, "tracks")) if tally.genres else None,
        "confidence": picture(confidence_histogram(tally.answered.tolist(), tally.abstained.tolist())),
        "rejects": picture(counts_by_name(tally.reasons, "tracks", colour=VERMILLION)) if tally.reasons else None,
    }
    return render("table.html.j2", run=run, plan=run.manifest.plan, tally=tally, facts=_facts(run), pictures=pictures)


def _manifest(store: Store, output: str, run_id: str | None) -> RunManifest:
    if run_id is None:
        latest = read_pointer(store, layout.at(output, layout.LATEST), Latest)
        run_id = latest[0].run_id if latest else None
    manifest = read_manifest(store, output, run_id) if run_id else None
    if manifest is None:
        which = f"run {run_id}" if run_id else "run"
        raise UsageError(f"there is no finished {which} at {output}", "give the OUTPUT of `genre-batch score`")
    if manifest.plan.answers != "scores":
        raise UsageError(f"run {run_id} at {output} wrote {manifest.plan.answers}, no scores", "give another run_id")
    return manifest


def _facts(run: RunTable) -> Mapping[str, str]:
    plan = run.manifest.plan
    return {
        "source": plan.source,
        "output": run.output,
        "planned at": plan.planned_at.strftime("%Y-%m-%d %H:%M:%S UTC"),
        "listed": f"{plan.listed:,} tracks, {plan.skipped:,} of them had their outcome before",
        "bytes of the tracks": f"{plan.size_bytes:,}",
        "shards": f"{plan.shards:,} of up to {plan.shard_tracks:,} tracks",
        "model": plan.model_id,
        "fingerprint": plan.fingerprint,
        "configuration": f"sha256 {plan.config_sha256}",
        "git commit": plan.git_sha or "unknown",
        "versions": ", ".join(f"{name} {version}" for name, version in sorted(plan.versions.items())),
    }
