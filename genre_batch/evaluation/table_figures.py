"""Pictures of a table of scores: how many tracks of what, and how sure the model was."""

from collections.abc import Mapping, Sequence

import numpy as np
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

from genre_batch.evaluation.figure_style import BLUE, GREY, VERMILLION, WIDTH, label, one_plot, styled

MOST_BARS = 40


@styled
def counts_by_name(counts: Mapping[str, int], what: str, *, colour: str = BLUE) -> Figure:
    """One bar a name, the most frequent first, at most 40 of them; `what` names the counted things."""
    ordered = sorted(counts.items(), key=lambda item: (-item[1], item[0]))[:MOST_BARS]
    figure, axes = one_plot(WIDTH, 0.9 + 0.27 * max(1, len(ordered)))
    bars = axes.barh(range(len(ordered)), [count for _, count in ordered], color=colour, height=0.72)
    axes.bar_label(bars, [f"{count:,}" for _, count in ordered], padding=4)
    axes.set_yticks(range(len(ordered)), [label(name) for name, _ in ordered])
    axes.set_xmargin(0.1)
    axes.invert_yaxis()
    axes.tick_params(axis="y", length=0.0)
    axes.xaxis.set_major_locator(MaxNLocator("auto", integer=True))
    axes.xaxis.set_major_formatter("{x:,.0f}")
    axes.set_xlabel(what)
    return figure


@styled
def confidence_histogram(answered: Sequence[int], abstained: Sequence[int]) -> Figure:
    """Tracks by confidence, in bins of equal width from 0 to 1, those without an answer on top in another colour."""
    figure, axes = one_plot(WIDTH, 2.7)
    edges = np.linspace(0.0, 1.0, len(answered) + 1)
    place = {"x": edges[:-1], "width": edges[1] * 0.94, "align": "edge"}
    axes.bar(height=answered, color=BLUE, label="answered", **place)
    if any(abstained):
        axes.bar(
            height=abstained,
            bottom=answered,
            color=VERMILLION,
            hatch="//",
            edgecolor="white",
            label="abstained",
            **place,
        )
        axes.legend()
    axes.set(xlabel="confidence", ylabel="tracks", xlim=(0.0, 1.0))
    axes.yaxis.set_major_locator(MaxNLocator("auto", integer=True))
    axes.yaxis.set_major_formatter("{x:,.0f}")
    axes.grid(visible=True, axis="y", color=GREY, alpha=0.25)
    axes.set_axisbelow(True)
    return figure
