"""The program of the nightly CronJob, against an API server that keeps RayJobs."""

import json
import runpy
import shlex
import subprocess
import sys
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
import yaml
from cluster_files import CLUSTER, rayjob

FILE = CLUSTER / "kuberay/rayjob.yaml"
SUCCEEDED = {"jobDeploymentStatus": "Complete", "jobStatus": "SUCCEEDED"}
RUNNING = {"jobDeploymentStatus": "Running", "jobStatus": "RUNNING"}

# unlike an import, this leaves no compiled file in cluster/
program = SimpleNamespace(**runpy.run_path(str(CLUSTER / "kuberay/start_rayjob.py")))


class Server(ThreadingHTTPServer):
    """Keeps RayJobs, and answers each look at one with the next of `answers`: a status, or an HTTP code."""

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), Handler)
        self.jobs: dict[str, Any] = {}
        self.answers: list[dict[str, str] | int] = []


class Handler(BaseHTTPRequestHandler):
    server: Server

    def do_POST(self) -> None:
        job = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        name = job["metadata"]["name"]
        known = name in self.server.jobs
        assert self.path == "/apis/ray.io/v1/namespaces/music/rayjobs"
        self.server.jobs.setdefault(name, job)
        self.reply(409 if known else 201, job)

    def do_GET(self) -> None:
        answer = self.server.answers.pop(0)
        assert self.path.rpartition("/")[2] in self.server.jobs
        assert self.headers["Authorization"] == "Bearer secret"
        self.reply(answer if isinstance(answer, int) else 200, {"status": answer})

    def reply(self, code: int, body: object) -> None:
        self.send_response(code)
        self.end_headers()
        self.wfile.write(json.dumps(body).encode())

    def log_message(self, *_: object) -> None:
        pass


@pytest.fixture
def server() -> Iterator[Server]:
    with Server() as server:
        thread = threading.Thread(target=server.serve_forever, daemon=True)
        thread.start()
        yield server
        server.shutdown()


def run(server: Server, folder: Path) -> int:
    (folder / "token").write_text("secret\n")
    (folder / "namespace").write_text("music")
    jobs = program.RayJobs(f"http://127.0.0.1:{server.server_port}", folder)
    asked = program.as_asked(program.read_options([str(FILE), "nightly-1"]))
    code: int = program.run(jobs, asked, look_every_s=0.01)
    return code


def test_it_ends_with_the_rayjob_and_survives_a_server_that_fails(server: Server, tmp_path: Path) -> None:
    server.answers = [{}, RUNNING, 503, SUCCEEDED]
    assert run(server, tmp_path) == 0
    assert server.jobs["nightly-1"] == {**rayjob(), "metadata": {"name": "nightly-1"}}
    assert not server.answers


def test_a_pod_that_replaces_a_lost_one_waits_for_the_same_rayjob(server: Server, tmp_path: Path) -> None:
    server.jobs["nightly-1"] = {}
    server.answers = [RUNNING, SUCCEEDED]
    assert run(server, tmp_path) == 0
    assert server.jobs == {"nightly-1": {}}


@pytest.mark.parametrize("answer", [{"jobDeploymentStatus": "Failed", "jobStatus": "FAILED"}, 404])
def test_a_rayjob_that_fails_or_is_deleted_is_a_failure(
    server: Server, tmp_path: Path, answer: dict[str, str] | int
) -> None:
    server.answers = [RUNNING, answer]
    assert run(server, tmp_path) == 1


def test_it_prints_the_rayjob_that_it_would_create(tmp_path: Path) -> None:
    options = ["--image=mine:1", "--cuda-image=mine:1-cuda", "--service-account=me", "--set=output=s3://b/with a space"]
    command = [sys.executable, str(CLUSTER / "kuberay/start_rayjob.py"), str(FILE), "once", *options, "--print"]
    printed = yaml.safe_load(subprocess.run(command, capture_output=True, text=True, check=True).stdout)
    cluster = printed["spec"]["rayClusterSpec"]
    pods = [group["template"]["spec"] for group in (cluster["headGroupSpec"], *cluster["workerGroupSpecs"])]
    assert [pod["containers"][0]["image"] for pod in pods] == ["mine:1", "mine:1", "mine:1-cuda"]
    assert {pod["serviceAccountName"] for pod in pods} == {"me"}
    assert shlex.split(printed["spec"]["entrypoint"])[-2:] == ["--set", "output=s3://b/with a space"]
    assert printed["metadata"]["name"] == "once"
