"""A Ray cluster of several machines on this one: a head without CPUs for actors, and workers of one CPU each."""

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

from genre_batch.schedule.events import Role

_STORE_BYTES = 80 << 20
_AGENT_PORTS = 20_000
_PORTS_OF_AGENTS = (
    "dashboard-agent-listen-port",
    "dashboard-agent-grpc-port",
    "runtime-env-agent-port",
    "metrics-export-port",
)
_STARTS_OF_HEAD = 3
_SETTINGS = {
    "RAY_health_check_period_ms": "500",
    "RAY_health_check_timeout_ms": "5000",
    "RAY_health_check_failure_threshold": "3",
    "RAY_worker_niceness": "0",
}
"""A machine that went off is found after a second or two, since it refuses connections; one that only does not answer,
perhaps because this computer is busy, after three times five seconds. Workers are not put behind other programs."""


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
    """The cluster. `close` ends every process of it."""

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
        """Start machines in place of those that are missing or ended by themselves. They need some seconds to join."""
        self.workers = [machine for machine in self.workers if machine.process.poll() is None]
        while len(self.workers) < self.wanted:
            number = next(self._numbers)
            options = [f"--address={self.address}", "--node-ip-address={ip}"]
            command = [*self._known_port(number), *self._command(number, 1, options)]
            process = self.network.start(number, command, self._log(number))
            self.workers.append(Machine(number, process))

    def actors(self, role: Role, machine: Machine | None = None) -> list[psutil.Process]:
        """The actors of a role, on one machine or on all that can be heard."""
        heard = [each for each in (self.head, *self.workers) if not each.silent]
        return actors([each.pid for each in ([machine] if machine else heard)], role)

    def switch_off(self, machine: Machine) -> None:
        """Kill all processes of a machine at once, as when the current is cut."""
        end(tree(machine.pid))
        machine.process.wait()
        if machine in self.workers:
            self.workers.remove(machine)
        if machine in self.gone:
            self.gone.remove(machine)

    def cut(self, machine: Machine) -> None:
        """Take a machine off the network; it stays among the workers until `lose`."""
        machine.silent = True
        self.network.cut(machine.number, machine.pid)

    def mend(self, machine: Machine) -> None:
        """Put it back."""
        if machine.process.poll() is None:
            self.network.mend(machine.number, machine.pid)
        machine.silent = False

    def lose(self, machine: Machine) -> None:
        """Reckon a machine as gone, so that `fill` replaces it, though it still runs."""
        self.workers.remove(machine)
        self.gone.append(machine)

    def heal(self) -> None:
        """Switch off what is gone and let the cluster be whole again."""
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
        """The head and its address. Raises RuntimeError where Ray does not start."""
        for _ in range(_STARTS_OF_HEAD):
            port = _free_port(self.network.head_ip)
            options = ["--head", f"--node-ip-address={self.network.head_ip}", f"--port={port}"]
            command = self._command(0, 0, [*options, "--include-dashboard=false"])
            with self._log(0).open("wb") as log:
                head = Machine(0, subprocess.Popen(command, stdout=log, stderr=subprocess.STDOUT))
            while head.process.poll() is None:
                if b"Ray runtime started" in self._log(0).read_bytes():
                    return head, f"{self.network.head_ip}:{port}"
                time.sleep(0.1)
            # Ray allows itself 30 s, which can be too little on a busy computer
        raise RuntimeError(f"the head does not start:\n{self._log(0).read_text()}")

    def _command(self, number: int, cpus: int, options: list[str]) -> list[str]:
        ray = [sys.executable, "-c", "from ray.scripts.scripts import main; main()", "start", *options, "--block"]
        ray += [f"--temp-dir={self.folder / f'ray{number}'}", f"--num-cpus={cpus}", "--disable-usage-stats"]
        # what is known from the start Ray need not wait for
        ray += [f"--{name}={_AGENT_PORTS + 4 * number + place}" for place, name in enumerate(_PORTS_OF_AGENTS)]
        return [*ray, f"--object-store-memory={_STORE_BYTES}"]

    def _known_port(self, number: int) -> list[str]:
        """Leave one port of a machine's agents where its raylet looks for it; a prefix to its command.

        Ray 2.60 passes this one on in a file alone, which an agent writes, and ends a machine that has waited 15 s.
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
