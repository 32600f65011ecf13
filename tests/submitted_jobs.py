"""Nodes started by `ray start` with token authentication, and jobs submitted to them."""

import json
import os
import secrets
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from urllib.request import Request, urlopen

import psutil
import pytest
from ray.util import get_node_ip_address

ROOT = Path(__file__).parents[1]
RAY = Path(sys.executable).with_name("ray")
_NODE_PORTS = (
    "dashboard-agent-grpc-port",
    "dashboard-agent-listen-port",
    "metrics-export-port",
    "node-manager-port",
    "object-manager-port",
    "runtime-env-agent-port",
)
"""Ray chooses those that are not given, and nodes of one machine that start together may choose the same."""
_given: set[int] = set()


@dataclass(frozen=True)
class Head:
    """A running head node.

    process: `ray start`. gcs, address: of the cluster and of its job server. metrics: where it serves metrics.
    environment: with the token of the cluster.
    """

    process: psutil.Process
    gcs: str
    address: str
    metrics: str
    environment: dict[str, str]


def free_ports(count: int) -> list[int]:
    """Ports of this machine that nothing listens on, and that were not given before."""
    ports: list[int] = []
    with ExitStack() as sockets:
        while len(ports) < count:
            port = sockets.enter_context(socket.create_server(("127.0.0.1", 0))).getsockname()[1]
            if port not in _given:
                _given.add(port)
                ports.append(port)
    return ports


@contextmanager
def head_node(folder: Path, cpus: int, machines: int = 0) -> Iterator[Head]:
    """A head that offers `cpus` CPUs, for the block. Ray keeps its files in `folder`.

    machines: an autoscaler starts up to so many of one CPU each, when they are asked for, and ends those that are idle.
    """
    environment = os.environ | {
        "PATH": f"{RAY.parent}{os.pathsep}{os.environ['PATH']}",
        "RAY_AUTH_MODE": "token",
        "RAY_AUTH_TOKEN": secrets.token_hex(32),
        "RAY_USAGE_STATS_ENABLED": "0",
        # Ray kills a job 3 s after it has asked it to stop, which a busy machine may need for the last sentence
        "RAY_JOB_STOP_WAIT_TIME_S": "60",
    }
    gcs, dashboard, client = free_ports(3)
    ports = dict(zip(_NODE_PORTS, free_ports(len(_NODE_PORTS)), strict=True))
    options = ["--head", f"--port={gcs}", f"--dashboard-port={dashboard}", f"--ray-client-server-port={client}"]
    if machines:
        environment |= {"RAY_FAKE_CLUSTER": "1", "AUTOSCALER_UPDATE_INTERVAL_S": "1"}
        autoscaling = folder.with_suffix(".json")
        autoscaling.write_text(json.dumps(_growing(f"{get_node_ip_address()}:{gcs}", machines)))
        options.append(f"--autoscaling-config={autoscaling}")
    with _node([*options, f"--temp-dir={folder}"], cpus, environment, ports) as process:
        address, serving = f"http://127.0.0.1:{dashboard}", f"http://127.0.0.1:{ports['metrics-export-port']}/metrics"
        head = Head(process, f"{get_node_ip_address()}:{gcs}", address, serving, environment)
        _wait_until(lambda: _answers(f"{head.address}/api/version", environment["RAY_AUTH_TOKEN"]))
        yield head


def _growing(gcs: str, machines: int) -> dict[str, object]:
    """The autoscaler's settings for machines that are processes of this one. Ray's own helper for this stops every Ray
    of the machine when it starts and ends.
    """
    provider = {"type": "fake_multinode", "gcs_address": gcs, "launch_multiple": True}
    provider |= {"use_node_id_as_ip": True, "disable_node_updaters": True, "disable_launch_config_check": True}
    lists = ("initialization_commands", "setup_commands", "head_setup_commands", "worker_setup_commands")
    lists += ("head_start_ray_commands", "worker_start_ray_commands", "cluster_synced_files", "rsync_exclude")
    return {
        "cluster_name": "growing",
        "max_workers": machines,
        "upscaling_speed": 1.0,
        "idle_timeout_minutes": 0.1,
        "provider": provider,
        "auth": {},
        "docker": {},
        "file_mounts": {},
        "head_node_type": "ray.head.default",
        "available_node_types": {
            "ray.head.default": {"resources": {"CPU": 0}, "node_config": {}, "max_workers": 0},
            "machine": {"resources": {"CPU": 1}, "node_config": {}, "min_workers": 0, "max_workers": machines},
        },
        **{name: [] for name in lists},
    }


@contextmanager
def worker_node(head: Head, cpus: int) -> Iterator[psutil.Process]:
    """A worker node of the cluster of `head`, for the block."""
    ports = dict(zip(_NODE_PORTS, free_ports(len(_NODE_PORTS)), strict=True))
    with _node([f"--address={head.gcs}"], cpus, head.environment, ports) as process:
        yield process


@contextmanager
def _node(
    options: list[str], cpus: int, environment: dict[str, str], ports: dict[str, int]
) -> Iterator[psutil.Process]:
    command = [str(RAY), "start", *options, "--block", f"--num-cpus={cpus}"]
    command += [f"--{name}={port}" for name, port in ports.items()]
    command += ["--object-store-memory=100000000", "--disable-usage-stats"]
    node = subprocess.Popen(command, env=environment, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        # nodes of one machine that start at the same time may choose the same names for their sockets
        _wait_until(lambda: _listens(ports["node-manager-port"]))
        yield psutil.Process(node.pid)
    finally:
        # the machines that an autoscaler has started outlive it
        below = psutil.Process(node.pid).children(recursive=True) if node.poll() is None else []
        node.terminate()
        node.wait(timeout=300)
        for process in below:
            with suppress(psutil.NoSuchProcess):
                process.kill()


def job_verb(head: Head, verb: str, *words: str) -> subprocess.CompletedProcess[str]:
    """Run `ray job VERB` in the checkout, and wait for its end."""
    command = [str(RAY), "job", verb, "--address", head.address, *words]
    return subprocess.run(command, cwd=ROOT, env=head.environment, capture_output=True, text=True, check=False)


def submit(head: Head, *job: str) -> subprocess.CompletedProcess[str]:
    """Submit `job` with an upload of the checkout, and wait for its end."""
    return job_verb(head, "submit", "--working-dir", ".", "--", *job)


def submit_command(head: Head, *job: str) -> list[str]:
    """The command that submits `job` without an upload: the code is where it is on each node, as in an image.

    Ray keeps the uploads of all nodes of one machine in one place, and a node that starts its first worker for a job
    replaces them, even while the job reads them.
    """
    return [str(RAY), "job", "submit", "--address", head.address, "--", *map(str, job)]


def kill_node(node: psutil.Process) -> None:
    """Kill all processes of a node at once."""
    for process in (node, *node.children(recursive=True)):
        with suppress(psutil.NoSuchProcess):
            process.send_signal(signal.SIGKILL)


def actors_on(node: psutil.Process, title: str = "ray::") -> set[str]:
    """The titles of the worker processes of a node, without what follows the name of the actor's class."""
    found = set()
    for process in node.children(recursive=True):
        with suppress(psutil.NoSuchProcess):
            if process.name().startswith(title):
                found.add(process.name().partition(".")[0])
    return found


def _listens(port: int) -> bool:
    with suppress(OSError), socket.create_connection((get_node_ip_address(), port), timeout=2):
        return True
    return False


def _answers(url: str, token: str) -> bool:
    with suppress(OSError), urlopen(Request(url, headers={"Authorization": f"Bearer {token}"}), timeout=2):
        return True
    return False


def _wait_until(ready: Callable[[], bool]) -> None:
    for _ in range(240):
        if ready():
            return
        time.sleep(0.5)
    pytest.fail("the node does not start")
