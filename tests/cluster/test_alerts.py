"""The alerts fire when they should and not otherwise, by Prometheus's own tests of rules. Needs promtool."""

import os
import re
import shutil
import subprocess
from pathlib import Path

import pytest
import yaml
from cluster_files import CLUSTER, kubernetes_objects
from monitoring_files import groups

RUN = 'run="r"'
NIGHT = 'cronjob="genre-batch-nightly", namespace="music"'
HOURS_26 = 26 * 60


def fired(folder: Path, series: dict[str, str], at: int) -> set[str]:
    """The alerts that fire after `at` minutes of these series, which have a value a minute."""
    if shutil.which("promtool") is None and os.environ.get("CI") != "true":
        pytest.skip("promtool is not installed")
    inputs = [{"series": key, "values": values} for key, values in series.items()]
    names = [rule["alert"] for group in groups() for rule in group["rules"]]
    # promtool reports each alert that fires and is not expected
    checks = [{"eval_time": f"{at}m", "alertname": name, "exp_alerts": []} for name in names]
    test = {"interval": "1m", "input_series": inputs, "alert_rule_test": checks}
    file = folder / "test.yaml"
    file.write_text(yaml.safe_dump({"rule_files": [str(CLUSTER / "monitoring/alerts.yaml")], "tests": [test]}))
    done = subprocess.run(["promtool", "test", "rules", str(file)], capture_output=True, text=True, check=False)
    found = set(re.findall(r"alertname: (\w+), time", done.stdout + done.stderr))
    assert bool(found) == (done.returncode != 0), done.stdout + done.stderr
    return found


def run_of(minutes: int, *, left: str, outcome: str) -> dict[str, str]:
    """What a run exports for some minutes, and then nothing more."""
    return {
        f"ray_genre_batch_tracks_left{{{RUN}}}": f"{left}x{minutes} stale",
        f"ray_genre_batch_last_outcome_time_seconds{{{RUN}}}": f"{outcome}x{minutes} stale",
        f"ray_genre_batch_last_commit_time_seconds{{{RUN}}}": f"0+60x{minutes} stale",
    }


WORKING = run_of(30, left="5000-100", outcome="0+60")


def test_a_run_that_works_raises_no_alert(tmp_path: Path) -> None:
    assert fired(tmp_path, WORKING, 25) == set()


def test_a_run_that_ended_well_raises_none_until_the_next_night_is_missing(tmp_path: Path) -> None:
    done = run_of(50, left="5000-100", outcome="0+60")
    assert fired(tmp_path, done, 90) == set()
    assert fired(tmp_path, done, HOURS_26) == set()
    assert fired(tmp_path, done, HOURS_26 + 70) == {"GenreBatchNoRun"}


def test_a_driver_that_dies_with_tracks_left_is_missed(tmp_path: Path) -> None:
    assert fired(tmp_path, WORKING, 35) == set()
    assert fired(tmp_path, WORKING, 50) == {"GenreBatchDriverGone"}


def test_a_run_that_goes_on_elsewhere_is_not(tmp_path: Path) -> None:
    again = {key: values + " _x4 " + values.split()[0] for key, values in WORKING.items()}
    assert "GenreBatchDriverGone" not in fired(tmp_path, again, 55)


def test_a_run_that_stalls_is_noticed(tmp_path: Path) -> None:
    assert fired(tmp_path, run_of(60, left="10+0", outcome="0+0"), 30) == {"GenreBatchStalled"}


@pytest.mark.parametrize(
    ("success", "late"),
    [
        ({}, True),
        ({f"kube_cronjob_status_last_successful_time{{{NIGHT}}}": "3600x2000"}, True),
        ({f"kube_cronjob_status_last_successful_time{{{NIGHT}}}": "3600x500 50000x1500"}, False),
    ],
)
def test_a_night_that_did_not_succeed_is_noticed(tmp_path: Path, success: dict[str, str], late: bool) -> None:
    series = {f"kube_cronjob_created{{{NIGHT}}}": "0x2000", **success}
    assert ("GenreBatchNoNight" in fired(tmp_path, series, HOURS_26 + 70)) is late
    assert "GenreBatchNoNight" not in fired(tmp_path, series, HOURS_26 - 60)


def test_the_rule_for_kubernetes_names_the_cronjob() -> None:
    _, kubernetes = groups()
    (cronjob,) = [item for item in kubernetes_objects() if item["kind"] == "CronJob"]
    for rule in kubernetes["rules"]:
        assert f'cronjob="{cronjob["metadata"]["name"]}"' in rule["expr"]
