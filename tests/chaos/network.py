"""The links between the simulated machines, which can be cut.

In a network namespace of its own, this process may create a switch (a bridge) and connect each machine's namespace to
it with a cable (a veth pair). A machine whose cable is unplugged neither receives nor sends anything. Without
namespaces, all processes of a machine are stopped instead.
"""

import os
import signal
import subprocess
import sys
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from chaos.processes import send, tree

_INSIDE = "CHAOS_NAMESPACES"
_SWITCH = "switch"
_HEAD_IP = "10.77.0.1"
_PLUG_IN = """
read -r
ip link set lo up && ip address add {ip}/16 dev cable && ip link set cable up && exec "$@"
"""


class Network(Protocol):
    """Starts machines, and cuts and restores their links."""

    name: str
    head_ip: str

    def start(self, number: int, command: list[str], log: Path) -> "subprocess.Popen[bytes]":
        """Start machine `number` as a process that runs `command`, with `{ip}` replaced by the machine's address."""

    def cut(self, number: int, pid: int) -> None:
        """Cut the link of a machine. Its processes live on."""

    def mend(self, number: int, pid: int) -> None:
        """Restore the link of a machine."""


@dataclass(frozen=True)
class Cables:
    """Machines in network namespaces, connected by a switch in this process's namespace."""

    name: str = "network namespaces"
    head_ip: str = _HEAD_IP

    @staticmethod
    def lay() -> "Cables":
        """Create the switch. Raises CalledProcessError unless this process has a namespace of its own."""
        _ip(f"link add {_SWITCH} type bridge")
        _ip(f"address add {_HEAD_IP}/16 dev {_SWITCH}")
        _ip(f"link set {_SWITCH} up")
        return Cables()

    def start(self, number: int, command: list[str], log: Path) -> "subprocess.Popen[bytes]":
        ip = f"10.77.{1 + number // 250}.{1 + number % 250}"
        words = [word.replace("{ip}", ip) for word in command]
        shell = ["unshare", "--net", "bash", "-c", _PLUG_IN.format(ip=ip), "machine", *words]
        with log.open("wb") as lines:
            process = subprocess.Popen(shell, stdin=subprocess.PIPE, stdout=lines, stderr=subprocess.STDOUT)
        _wait_for_namespace(process.pid)
        hardware = f"02:00:00:00:{number // 256:02x}:{number % 256:02x}"
        _ip(f"link add {_cable(number)} type veth peer name cable address {hardware} netns {process.pid}")
        # a permanent entry: otherwise the kernel would soon report an unplugged machine as unreachable
        _ip(f"neighbour replace {ip} lladdr {hardware} nud permanent dev {_SWITCH}")
        self.mend(number, process.pid)
        assert process.stdin
        process.stdin.write(b"\n")
        process.stdin.close()
        return process

    def cut(self, number: int, pid: int) -> None:
        _ip(f"link set {_cable(number)} nomaster")

    def mend(self, number: int, pid: int) -> None:
        _ip(f"link set {_cable(number)} master {_SWITCH} up")


@dataclass(frozen=True)
class Frozen:
    """Machines that are plain processes. Cutting a link means stopping all processes of the machine."""

    name: str = "stopped processes"
    head_ip: str = "127.0.0.1"

    def start(self, number: int, command: list[str], log: Path) -> "subprocess.Popen[bytes]":
        # each machine needs its own address, because a driver looks for Ray at its node's address
        words = [word.replace("{ip}", f"127.77.{1 + number // 250}.{1 + number % 250}") for word in command]
        with log.open("wb") as lines:
            return subprocess.Popen(words, stdin=subprocess.DEVNULL, stdout=lines, stderr=subprocess.STDOUT)

    def cut(self, number: int, pid: int) -> None:
        send(tree(pid), signal.SIGSTOP)

    def mend(self, number: int, pid: int) -> None:
        send(tree(pid), signal.SIGCONT)


def network() -> Network:
    """Cables if this process has namespaces of its own, else frozen processes."""
    return Cables.lay() if _INSIDE in os.environ else Frozen()


def enter_namespaces() -> None:
    """Restart this program in network and process namespaces of its own, if that is allowed."""
    if _INSIDE in os.environ or not _allowed():
        return
    shell = 'ip link set lo up && "$@"'
    # bash remains the first process of the namespace, and reaps its orphans
    command = [*_unshare(), "bash", "-c", f"{shell}; exit $?", "chaos", sys.executable, *sys.argv]
    # if this process is killed, everything in the namespace is killed with it
    command = ["setpriv", "--pdeathsig", "KILL", *command]
    sys.exit(subprocess.call(command, env=os.environ | {_INSIDE: "1"}))


def _allowed() -> bool:
    try_it = "ip link add try type bridge && unshare --net setpriv --pdeathsig KILL true"
    try:
        done = subprocess.run([*_unshare(), "bash", "-c", try_it], capture_output=True, timeout=20, check=False)
    except (OSError, subprocess.SubprocessError):
        return False
    return done.returncode == 0


def _unshare() -> list[str]:
    as_root = [] if os.geteuid() == 0 else ["--user", "--map-root-user"]
    return ["unshare", *as_root, "--net", "--pid", "--fork", "--kill-child", "--mount-proc"]


def _wait_for_namespace(pid: int) -> None:
    """Wait until the process has a network namespace of its own."""
    here = Path("/proc/self/ns/net").readlink()
    while Path(f"/proc/{pid}/ns/net").readlink() == here:
        time.sleep(0.005)


def _cable(number: int) -> str:
    return f"cable{number}"


def _ip(arguments: str) -> None:
    subprocess.run(["ip", *arguments.split()], check=True, capture_output=True)
