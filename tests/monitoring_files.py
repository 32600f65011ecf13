"""The queries of the dashboard and the alert rules."""

import json
import re
from collections.abc import Iterator
from typing import Any

import yaml
from cluster_files import CLUSTER

NAME = re.compile(r"\bray_genre_batch_\w+")
_LABELLED = re.compile(r"(ray_genre_batch_\w+)\{([^}]*)\}")
_SUMMED = re.compile(r"by \(([^)]*)\)\s*\(+(?:rate|increase|last_over_time)?\(?(ray_genre_batch_\w+)")


def dashboard() -> Any:
    return json.loads((CLUSTER / "monitoring/dashboard.json").read_text())


def alerts() -> Any:
    """The alert rules about the metrics of runs."""
    runs, _ = groups()
    return runs["rules"]


def groups() -> Any:
    """All groups of alert rules: those about the metrics of runs, and those for Kubernetes."""
    return yaml.safe_load((CLUSTER / "monitoring/alerts.yaml").read_text())["groups"]


def queries() -> list[str]:
    """Every query of the dashboard, its variables included, and of the alert rules."""
    found = [target["expr"] for panel in dashboard()["panels"] for target in panel["targets"]]
    found += [each["query"]["query"] for each in dashboard()["templating"]["list"] if each["type"] == "query"]
    return found + [rule["expr"] for rule in alerts()]


def labels_used() -> Iterator[tuple[str, str]]:
    """Each name of a metric with each label by which a query selects or sums it."""
    for query in queries():
        for name, selectors in _LABELLED.findall(query):
            yield from ((name, label) for label in re.findall(r"(\w+)\s*(?:=~|!=|!~|=)", selectors))
        for names, metric in _SUMMED.findall(query):
            yield from ((metric, label.strip()) for label in names.split(","))
