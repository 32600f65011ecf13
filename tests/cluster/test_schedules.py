"""The schedules of cluster/schedules/ parse, start one run at a time, and name verbs and options that exist."""

import re
import runpy
import shlex
import sys
from types import ModuleType
from typing import Any

import pytest
import yaml
from cluster_files import CLUSTER, ROOT
from typer.main import get_command

from genre_batch.cli.app import app

FOLDER = CLUSTER / "schedules"
NIGHTLY = "0 1 * * *"


def check_command(words: list[str]) -> None:
    assert words[0] == "genre-batch"
    verb = get_command(app).commands[words[1]]  # type: ignore[attr-defined]
    verb.make_context(words[1], words[2:])


def crontab() -> list[tuple[str, str]]:
    """The times and commands of the crontab."""
    lines = [line for line in (FOLDER / "crontab").read_text().splitlines() if not re.match(r"#|\w+=", line)]
    return [(" ".join(line.split()[:5]), line.split(maxsplit=5)[5]) for line in lines]


def test_the_crontab_has_a_nightly_run_and_a_weekly_check() -> None:
    (night, score), (week, verify) = crontab()
    for time in (night, week):
        assert re.fullmatch(r"\d{1,2} \d{1,2} \* \* (\*|[0-6])", time)
    for command in (score, verify):
        assert "%" not in command  # cron takes it for the end of a line
        check_command(shlex.split(re.sub(r" (2>&1|>>? \S+)", "", command)))
    assert (night, shlex.split(score)[1], shlex.split(verify)[1]) == (NIGHTLY, "score", "verify")


def test_the_argo_workflow_runs_one_night_at_a_time() -> None:
    spec = yaml.safe_load((FOLDER / "argo-cronworkflow.yaml").read_text())["spec"]
    assert (spec["schedules"], spec["concurrencyPolicy"]) == ([NIGHTLY], "Forbid")
    (template,) = spec["workflowSpec"]["templates"]
    assert template["name"] == spec["workflowSpec"]["entrypoint"]
    container = template["container"]
    check_command(container["command"])
    assert (ROOT / container["command"][3]).is_file()
    mounted = {mount["name"] for mount in container["volumeMounts"]}
    assert mounted == {volume["name"] for volume in template["volumes"]}


class Recorder:
    """Stands for a class of Airflow, which is not installed, and keeps what it is made with."""

    made: list[dict[str, Any]]

    def __init__(self, **settings: Any) -> None:
        self.made.append(settings)

    def __enter__(self) -> None:
        pass

    def __exit__(self, *_: object) -> None:
        pass


def install_airflow(monkeypatch: pytest.MonkeyPatch) -> tuple[list[dict[str, Any]], list[dict[str, Any]]]:
    dags: list[dict[str, Any]] = []
    tasks: list[dict[str, Any]] = []
    for name, kind, made in (("sdk", "DAG", dags), ("providers.standard.operators.bash", "BashOperator", tasks)):
        module = ModuleType(f"airflow.{name}")
        setattr(module, kind, type(kind, (Recorder,), {"made": made}))
        monkeypatch.setitem(sys.modules, module.__name__, module)
    for name in ("airflow", "airflow.providers", "airflow.providers.standard", "airflow.providers.standard.operators"):
        monkeypatch.setitem(sys.modules, name, ModuleType(name))
    return dags, tasks


def test_the_airflow_dag_runs_one_night_at_a_time(monkeypatch: pytest.MonkeyPatch) -> None:
    dags, tasks = install_airflow(monkeypatch)
    runpy.run_path(str(FOLDER / "airflow_dag.py"))
    (dag,), (task,) = dags, tasks
    assert (dag["schedule"], dag["catchup"], dag["max_active_runs"]) == (NIGHTLY, False, 1)
    check_command(shlex.split(task["bash_command"]))
