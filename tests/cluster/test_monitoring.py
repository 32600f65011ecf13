"""The dashboard and the alert rules are valid, and ask for metrics that a run declares."""

import pytest
from cluster_files import CLUSTER, ROOT
from monitoring_files import NAME, dashboard, groups, labels_used, queries

from genre_batch.engine.run_metrics import METRICS, RunMetric

SUFFIXES = {"counter": ("_total",), "gauge": ("",), "histogram": ("_bucket", "_sum", "_count")}


def exported(metric: RunMetric) -> set[str]:
    return {f"ray_{metric.name}{suffix}" for suffix in SUFFIXES[metric.kind]}


def test_every_query_asks_for_declared_metrics_by_declared_tags() -> None:
    tags = {name: {"run", "le", *metric.tags} for metric in METRICS for name in exported(metric)}
    for query in queries():
        assert NAME.findall(query), query
        assert set(NAME.findall(query)) <= set(tags), query
    assert len(list(labels_used())) > 30
    for name, label in labels_used():
        assert label in tags[name], (name, label)


def test_every_metric_is_on_the_dashboard_and_on_the_page() -> None:
    shown = {
        name for panel in dashboard()["panels"] for target in panel["targets"] for name in NAME.findall(target["expr"])
    }
    page = (ROOT / "docs/monitoring.md").read_text(encoding="utf-8")
    for metric in METRICS:
        assert exported(metric) & shown, metric.name
        assert f"`{metric.name}`" in page


def test_every_query_has_balanced_brackets() -> None:
    for query in queries():
        for opening, closing in ("()", "{}", "[]"):
            assert query.count(opening) == query.count(closing), query


def test_the_panels_do_not_overlap_and_have_their_own_ids() -> None:
    panels = dashboard()["panels"]
    assert len({panel["id"] for panel in panels}) == len(panels)
    cells = [
        (x, y)
        for place in (panel["gridPos"] for panel in panels)
        for x in range(place["x"], place["x"] + place["w"])
        for y in range(place["y"], place["y"] + place["h"])
    ]
    assert len(cells) == len(set(cells))
    assert max(x for x, _ in cells) < 24


def test_the_rules_cover_what_goes_wrong_and_say_what_to_do() -> None:
    rules = [rule for group in groups() for rule in group["rules"]]
    names = {rule["alert"].removeprefix("GenreBatch") for rule in rules}
    assert names == {"Stalled", "RejectRate", "NoCommits", "BehindFinishBy", "DriverGone", "NoRun", "NoNight"}
    page = (ROOT / "docs/monitoring.md").read_text(encoding="utf-8")
    for rule in rules:
        assert f"`{rule['alert']}`" in page
        assert set(rule) == {"alert", "expr", "for", "labels", "annotations"}
        assert rule["labels"]["severity"] in ("critical", "warning")
        assert set(rule["annotations"]) == {"summary", "description"}


@pytest.mark.parametrize("name", ["alerts.yaml", "dashboard.json"])
def test_the_page_names_the_file(name: str) -> None:
    assert (CLUSTER / "monitoring" / name).is_file()
    assert f"cluster/monitoring/{name}" in (ROOT / "docs/monitoring.md").read_text(encoding="utf-8")
