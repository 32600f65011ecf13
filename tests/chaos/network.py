"""The links between the machines of a test: real ones that can be cut, or none.

In a network namespace of its own this process may make a switch (a bridge) and give every machine a namespace with a
cable (a veth pair) to it. A machine whose cable is pulled hears nothing more, and nobody hears of it.
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
    """How machines are started and how they lose touch."""

    name: str
    head_ip: str

    def start(self, number: int, command: list[str], log: Path) -> "subprocess.Popen[bytes]":
        """A process that runs `command`, in which `{ip}` is its address, as machine `number`."""

    def cut(self, number: int, pid: int) -> None:
        """Silence the machine; its processes do not die of it."""

    def mend(self, number: int, pid: int) -> None:
        """Let it speak again."""


@dataclass(frozen=True)
class Cables:
    """Machines in network namespaces, below a switch in that of this process."""

    name: str = "network namespaces"
    head_ip: str = _HEAD_IP

    @staticmethod
    def lay() -> "Cables":
        """Make the switch. Raises CalledProcessError outside of a namespace of our own."""
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
        # without this the switch would soon find out, and say, that nobody answers any more
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
    """Machines that are plain processes; instead of a link, all processes of a machine are stopped."""

    name: str = "stopped processes"
    head_ip: str = "127.0.0.1"

    def start(self, number: int, command: list[str], log: Path) -> "subprocess.Popen[bytes]":
        # an address each, as a driver looks for Ray at its own
        words = [word.replace("{ip}", f"127.77.{1 + number // 250}.{1 + number % 250}") for word in command]
        with log.open("wb") as lines:
            return subprocess.Popen(words, stdin=subprocess.DEVNULL, stdout=lines, stderr=subprocess.STDOUT)

    def cut(self, number: int, pid: int) -> None:
        send(tree(pid), signal.SIGSTOP)

    def mend(self, number: int, pid: int) -> None:
        send(tree(pid), signal.SIGCONT)


def network() -> Network:
    """Cables where this process has namespaces of its own, else frozen processes."""
    return Cables.lay() if _INSIDE in os.environ else Frozen()


def enter_namespaces() -> None:
    """Start this program again with a network and process numbers of its own, which end with it, if that is allowed."""
    if _INSIDE in os.environ or not _allowed():
        return
    shell = 'ip link set lo up && "$@"'
    # bash stays as the first process of the namespace, which must reap the orphans
    command = [*_unshare(), "bash", "-c", f"{shell}; exit $?", "chaos", sys.executable, *sys.argv]
    # whatever ends this process ends all of them
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
    """Return once the process has a network of its own."""
    here = Path("/proc/self/ns/net").readlink()
    while Path(f"/proc/{pid}/ns/net").readlink() == here:
        time.sleep(0.005)


def _cable(number: int) -> str:
    return f"cable{number}"


def _ip(arguments: str) -> None:
    subprocess.run(["ip", *arguments.split()], check=True, capture_output=True)
