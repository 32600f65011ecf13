"""A Ray of our own starts only the services that the job uses."""

import psutil
import pytest
import ray
from ray._private import utils
from ray._private.node import Node

from genre_batch.engine.cluster import connected
from genre_batch.engine.lean_ray import without_unused_services

UNUSED = ("dashboard/dashboard.py", "log_monitor.py", "monitor.py")


@ray.remote
def answer() -> int:
    return 42


@pytest.mark.slow
@pytest.mark.timeout(200)
def test_our_own_ray_works_without_dashboard_log_monitor_and_autoscaler(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("RAY_ADDRESS", raising=False)
    with connected() as cluster:
        commands = [" ".join(child.cmdline()) for child in psutil.Process().children(recursive=True)]
        assert cluster.own
        assert ray.get(answer.remote()) == 42
    assert any("raylet" in command for command in commands)
    assert not [command for command in commands for service in UNUSED if service in command.split(" --")[0]]


def test_everything_is_as_before_afterwards() -> None:
    before = Node.start_api_server, Node.start_monitor, Node.start_log_monitor, utils.get_dashboard_dependency_error
    with without_unused_services():
        assert before[0] is not Node.start_api_server
    assert before == (
        Node.start_api_server,
        Node.start_monitor,
        Node.start_log_monitor,
        utils.get_dashboard_dependency_error,
    )


def test_a_ray_with_other_internals_is_left_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delattr(Node, "start_log_monitor")
    before = Node.start_api_server
    with without_unused_services():
        assert before is Node.start_api_server


@pytest.mark.parametrize("metrics", [False, True])
def test_the_agent_of_a_machine_serves_metrics_only_if_they_are_wanted(metrics: bool) -> None:
    with without_unused_services(metrics=metrics):
        assert (utils.get_dashboard_dependency_error() is None) == metrics
