"""The page of a finished run: genres, confidences, abstentions and rejects of its table of scores."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from genre_batch.catalog.name_patterns import left_out_words
from genre_batch.errors import DamageFound, UsageError
from genre_batch.reports.figure_style import BLUE, GREY, PAPER, VERMILLION, WIDTH, label, one_plot, styled
from genre_batch.reports.page import render_page
from genre_batch.reports.run_tally import ScoreTally, tally_files
from genre_batch.reports.vector import drawing
from genre_batch.sink import layout
from genre_batch.sink.finish import Latest, RunManifest, read_manifest
from genre_batch.sink.json_records import read_pointer
from genre_batch.storage.open_store import absolute, open_store
from genre_batch.storage.store import StorageError, Store
from genre_batch.wording import plural, size

if TYPE_CHECKING:
    from matplotlib.figure import Figure

MOST_BARS = 40


@styled
def counts_figure(counts: Mapping[str, int], what: str, *, colour: str = BLUE) -> "Figure":
    """One bar per name, the most frequent first, at most 40 of them. what: the things that are counted."""
    from matplotlib.ticker import MaxNLocator

    ordered = sorted(counts.items(), key=lambda item: (-item[1], item[0]))[:MOST_BARS]
    figure, axes = one_plot(WIDTH, 0.6 + 0.21 * max(1, len(ordered)))
    bars = axes.barh(range(len(ordered)), [count for _, count in ordered], color=colour, height=0.72)
    axes.bar_label(bars, [f"{count:,}" for _, count in ordered], padding=4)
    axes.set_yticks(range(len(ordered)), [label(name) for name, _ in ordered])
    axes.set_xmargin(0.14)
    axes.invert_yaxis()
    axes.tick_params(axis="y", length=0.0)
    axes.xaxis.set_major_locator(MaxNLocator(5, integer=True))
    axes.xaxis.set_major_formatter("{x:,.0f}")
    axes.set_xlabel(what)
    return figure


@styled
def confidence_figure(answered: Sequence[int], abstained: Sequence[int]) -> "Figure":
    """Tracks by confidence, in bins of equal width from 0 to 1; abstentions are stacked on top in another colour."""
    from matplotlib.ticker import MaxNLocator

    figure, axes = one_plot(WIDTH, 2.2)
    edges = np.linspace(0.0, 1.0, len(answered) + 1)
    bars = {"x": edges[:-1], "width": edges[1] * 0.94, "align": "edge"}
    axes.bar(height=answered, color=BLUE, label="answered", **bars)
    if any(abstained):
        axes.bar(
            height=abstained,
            bottom=answered,
            color=VERMILLION,
            hatch="//",
            edgecolor=PAPER,
            label="abstained",
            **bars,
        )
        axes.legend()
    axes.set(xlabel="confidence", ylabel="tracks", xlim=(0.0, 1.0))
    axes.yaxis.set_major_locator(MaxNLocator("auto", integer=True))
    axes.yaxis.set_major_formatter("{x:,.0f}")
    axes.grid(visible=True, axis="y", color=GREY, alpha=0.25)
    axes.set_axisbelow(True)
    return figure


@dataclass(frozen=True, slots=True)
class RunTable:
    """A finished run of `output`, and the sums over its files."""

    output: str
    manifest: RunManifest
    tally: ScoreTally


def read_run_table(output: str, run_id: str | None = None) -> RunTable:
    """The run `run_id` of `output`, or the latest finished one.

    Raises UsageError if there is none or it holds no scores, DamageFound if its files do not match its manifest.
    """
    uri = absolute(output)
    store = open_store(uri)
    try:
        manifest = _manifest(store, uri, run_id)
        tally = tally_files(store, uri, manifest.files)
    except StorageError as error:
        hint = error.hint or "check the address and the credentials"
        raise UsageError(f"the run cannot be read: {error}", hint) from error
    expected = manifest.counts.scored, {str(reason): n for reason, n in manifest.counts.rejected_by_reason.items()}
    if (tally.scored, dict(tally.reasons)) != expected:
        raise DamageFound(f"the rows of run {manifest.plan.run_id} do not match its manifest", "score again")
    return RunTable(uri, manifest, tally)


def run_page(run: RunTable, catalog: str | None = None) -> str:
    """The run as one self-contained HTML page. catalog: the address of the catalog's page, relative to this one.

    Raises UsageError if the libraries of `report` are missing.
    """
    tally = run.tally
    drawings = {
        "genres": drawing(counts_figure(tally.genres, "tracks"), "Tracks by genre") if tally.genres else None,
        "confidence": drawing(
            confidence_figure(tally.answered.tolist(), tally.abstained.tolist()), "Tracks by confidence"
        ),
        "rejects": drawing(counts_figure(tally.reasons, "tracks", colour=VERMILLION), "Tracks by reject reason")
        if tally.reasons
        else None,
    }
    return render_page(
        "run.html.j2",
        run=run,
        plan=run.manifest.plan,
        tally=tally,
        facts=_facts(run),
        drawings=drawings,
        catalog=catalog,
    )


def _manifest(store: Store, output: str, run_id: str | None) -> RunManifest:
    if run_id is None:
        latest = read_pointer(store, layout.at(output, layout.LATEST), Latest)
        run_id = latest[0].run_id if latest else None
    manifest = read_manifest(store, output, run_id) if run_id else None
    if manifest is None:
        which = f"run {run_id}" if run_id else "run"
        raise UsageError(f"there is no finished {which} at {output}", "give the OUTPUT of `genre-batch score`")
    if manifest.plan.answers != "scores":
        raise UsageError(f"run {run_id} at {output} wrote {manifest.plan.answers}, not scores", "give another run_id")
    return manifest


def _facts(run: RunTable) -> Mapping[str, str]:
    plan = run.manifest.plan
    return {
        "source": plan.source,
        "output": run.output,
        "planned at": plan.planned_at.strftime("%Y-%m-%d %H:%M:%S UTC"),
        "listed": f"{plural(plan.listed, 'track')}, of which {plan.skipped:,} were done before",
        **({"left out": left_out_words(plan.left_out)} if plan.left_out else {}),
        "size of the tracks": size(plan.size_bytes),
        "shards": f"{plan.shards:,} of up to {plural(plan.shard_tracks, 'track')}",
        "model": plan.model_id,
        "fingerprint": plan.fingerprint,
        "configuration": f"sha256 {plan.config_sha256}",
        "git commit": plan.git_sha or "unknown",
        "versions": ", ".join(f"{name} {version}" for name, version in sorted(plan.versions.items())),
    }
