"""`ray job submit` against a cluster that `ray start --head` runs, with token authentication on."""

import json
import os
import secrets
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from urllib.request import Request, urlopen

import audio_samples
import pytest
from table_checks import rows

ROOT = Path(__file__).parents[2]
RAY = Path(sys.executable).with_name("ray")

pytestmark = [pytest.mark.slow, pytest.mark.timeout(400)]


@dataclass(frozen=True)
class Head:
    """A running head node: the address of its job server, and the environment that may talk to it."""

    address: str
    environment: dict[str, str]


def free_ports(count: int) -> list[int]:
    sockets = [socket.create_server(("127.0.0.1", 0)) for _ in range(count)]
    ports = [each.getsockname()[1] for each in sockets]
    for each in sockets:
        each.close()
    return ports


@pytest.fixture(scope="module")
def head() -> Iterator[Head]:
    environment = os.environ | {
        "PATH": f"{RAY.parent}{os.pathsep}{os.environ['PATH']}",
        "RAY_AUTH_MODE": "token",
        "RAY_AUTH_TOKEN": secrets.token_hex(32),
        "RAY_USAGE_STATS_ENABLED": "0",
    }
    gcs, dashboard, client, agent = free_ports(4)
    command = [RAY, "start", "--head", "--block", f"--port={gcs}", f"--dashboard-port={dashboard}", "--num-cpus=2"]
    command += ["--node-ip-address=127.0.0.1", f"--ray-client-server-port={client}", "--disable-usage-stats"]
    command += [f"--dashboard-agent-listen-port={agent}"]
    node = subprocess.Popen(command, env=environment, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    address = f"http://127.0.0.1:{dashboard}"
    try:
        wait_until_it_answers(f"{address}/api/version", environment["RAY_AUTH_TOKEN"])
        yield Head(address, environment)
    finally:
        node.terminate()
        node.wait(timeout=60)


def wait_until_it_answers(url: str, token: str) -> None:
    for _ in range(240):
        with suppress(OSError), urlopen(Request(url, headers={"Authorization": f"Bearer {token}"}), timeout=2):
            return
        time.sleep(0.5)
    pytest.fail("the head node does not answer")


def submit(head: Head, *job: str) -> subprocess.CompletedProcess[str]:
    command = [RAY, "job", "submit", "--address", head.address, "--working-dir", ".", "--", *job]
    return subprocess.run(
        list(map(str, command)), cwd=ROOT, env=head.environment, capture_output=True, text=True, check=False
    )


def test_a_submitted_job_scores_a_folder(head: Head, tmp_path: Path) -> None:
    sound = audio_samples.chirp(8, 44_100)
    (tmp_path / "in").mkdir()
    for encoding in ("flac", "mp3"):
        (tmp_path / "in" / f"track.{encoding}").write_bytes(audio_samples.encode(sound, 44_100, encoding))
    settings = [f"source={tmp_path / 'in'}", f"output={tmp_path / 'out'}"]
    arguments = [word for setting in settings for word in ("--set", setting)]
    done = submit(head, "python", "jobs/score.py", "--config", "configs/score/nightly.yaml", *arguments, "--json")
    assert done.returncode == 0, done.stdout + done.stderr
    report = next(json.loads(line) for line in done.stdout.splitlines() if line.startswith("{"))
    assert (report["listed"], report["scored"]) == (2, 2)
    assert len(rows(tmp_path / "out", "scores")) == 2


def test_a_job_that_cannot_start_says_why_and_fails(head: Head, tmp_path: Path) -> None:
    done = submit(head, "python", "jobs/score.py", "--set", f"source={tmp_path / 'absent'}", "--set", "output=/tmp/x")
    assert done.returncode != 0
    assert "absent" in done.stdout + done.stderr
    assert "Traceback" not in done.stdout
