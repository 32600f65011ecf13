"""A simulated multi-machine Ray cluster: a head that offers actors no CPUs, and workers with one CPU each."""

import itertools
import os
import secrets
import socket
import subprocess
import sys
import time
from dataclasses import dataclass, field
from pathlib import Path

import psutil
from chaos.network import Network
from chaos.processes import actors, end, tree
from two_stages import Role

_STORE_BYTES = 80 << 20
_AGENT_PORTS = 20_000
_AGENT_PORT_OPTIONS = (
    "dashboard-agent-listen-port",
    "dashboard-agent-grpc-port",
    "runtime-env-agent-port",
    "metrics-export-port",
)
_HEAD_ATTEMPTS = 3
_SETTINGS = {
    "RAY_health_check_period_ms": "500",
    "RAY_health_check_timeout_ms": "5000",
    "RAY_health_check_failure_threshold": "3",
    "RAY_worker_niceness": "0",
}
"""Ray notices a machine that was switched off after a second or two, because it refuses connections, and a silent one,
which may only be slow on a busy computer, after three timeouts of 5 s. Workers run at normal priority."""


@dataclass
class Machine:
    """One node of the cluster."""

    number: int
    process: "subprocess.Popen[bytes]"
    silent: bool = False

    @property
    def pid(self) -> int:
        return self.process.pid


@dataclass
class Machines:
    """The cluster. `close` ends all of its processes."""

    network: Network
    folder: Path
    wanted: int
    workers: list[Machine] = field(default_factory=list)
    gone: list[Machine] = field(default_factory=list)

    def __post_init__(self) -> None:
        os.environ.update(_SETTINGS, RAY_AUTH_MODE="token", RAY_AUTH_TOKEN=secrets.token_hex(32))
        self._numbers = itertools.count(1)
        self.head, self.address = self._start_head()
        self.fill()

    def fill(self) -> None:
        """Start machines to replace those that are missing or exited. They need a few seconds to join."""
        self.workers = [machine for machine in self.workers if machine.process.poll() is None]
        while len(self.workers) < self.wanted:
            number = next(self._numbers)
            options = [f"--address={self.address}", "--node-ip-address={ip}"]
            command = [*self._announce_port(number), *self._command(number, 1, options)]
            process = self.network.start(number, command, self._log(number))
            self.workers.append(Machine(number, process))

    def actors(self, role: Role, machine: Machine | None = None) -> list[psutil.Process]:
        """The actors of `role`, on `machine` or on all machines with a working link."""
        linked = [each for each in (self.head, *self.workers) if not each.silent]
        return actors([each.pid for each in ([machine] if machine else linked)], role)

    def switch_off(self, machine: Machine) -> None:
        """Kill all processes of a machine at once, as a power failure would."""
        end(tree(machine.pid))
        machine.process.wait()
        if machine in self.workers:
            self.workers.remove(machine)
        if machine in self.gone:
            self.gone.remove(machine)

    def cut(self, machine: Machine) -> None:
        """Disconnect a machine from the network. It stays in `workers` until `lose` is called."""
        machine.silent = True
        self.network.cut(machine.number, machine.pid)

    def mend(self, machine: Machine) -> None:
        """Reconnect a machine to the network."""
        if machine.process.poll() is None:
            self.network.mend(machine.number, machine.pid)
        machine.silent = False

    def lose(self, machine: Machine) -> None:
        """Count a machine as lost, so that `fill` replaces it, although it still runs."""
        self.workers.remove(machine)
        self.gone.append(machine)

    def heal(self) -> None:
        """Switch off lost machines, restore all links and replace what is missing."""
        for machine in list(self.gone):
            self.switch_off(machine)
        for machine in self.workers:
            if machine.silent:
                self.mend(machine)
        self.fill()

    def close(self) -> None:
        """End all processes."""
        for machine in (*self.workers, *self.gone, self.head):
            end(tree(machine.pid))
            machine.process.wait()

    def _start_head(self) -> tuple[Machine, str]:
        """The head and its address. Raises RuntimeError if Ray does not start."""
        for _ in range(_HEAD_ATTEMPTS):
            port = _free_port(self.network.head_ip)
            options = ["--head", f"--node-ip-address={self.network.head_ip}", f"--port={port}"]
            command = self._command(0, 0, [*options, "--include-dashboard=false"])
            with self._log(0).open("wb") as log:
                head = Machine(0, subprocess.Popen(command, stdout=log, stderr=subprocess.STDOUT))
            while head.process.poll() is None:
                if b"Ray runtime started" in self._log(0).read_bytes():
                    return head, f"{self.network.head_ip}:{port}"
                time.sleep(0.1)
            # Ray gives up after 30 s, which can be too short on a busy computer
        raise RuntimeError(f"the head does not start:\n{self._log(0).read_text()}")

    def _command(self, number: int, cpus: int, options: list[str]) -> list[str]:
        ray = [sys.executable, "-c", "from ray.scripts.scripts import main; main()", "start", *options, "--block"]
        ray += [f"--temp-dir={self.folder / f'ray{number}'}", f"--num-cpus={cpus}", "--disable-usage-stats"]
        # Ray does not have to wait for ports that it is given
        ray += [f"--{name}={_AGENT_PORTS + 4 * number + place}" for place, name in enumerate(_AGENT_PORT_OPTIONS)]
        return [*ray, f"--object-store-memory={_STORE_BYTES}"]

    def _announce_port(self, number: int) -> list[str]:
        """Write the agent's port to the file where the raylet looks for it. Returns a prefix for the machine's command.

        Ray 2.60 passes this port on only in a file that the agent writes, and stops a node that waited 15 s for it.
        """
        node_id = secrets.token_hex(28)
        session = self.folder / f"ray{number}" / (self.folder / "ray0" / "session_latest").resolve().name
        session.mkdir(parents=True)
        (session / f"dashboard_agent_listen_port_{node_id}").write_text(str(_AGENT_PORTS + 4 * number))
        return ["env", f"RAY_OVERRIDE_NODE_ID_FOR_TESTING={node_id}"]

    def _log(self, number: int) -> Path:
        return self.folder / f"machine{number}.log"


def _free_port(ip: str) -> int:
    with socket.create_server((ip, 0)) as server:
        port: int = server.getsockname()[1]
        return port
