"""Servers and surroundings that tests of several rooms share."""

import os
import tempfile

# before any library is loaded: threads that wait for one another make tests slow and uneven on a busy machine
os.environ.setdefault("OMP_NUM_THREADS", "1")
# where others use the cores, an agent of Ray takes longer to start than the 15 s after which its node gives up
os.environ.setdefault("RAY_agent_register_timeout_ms", "120000")
# test processes that compile librosa's code into one folder at once leave files there that crash whoever loads them
if worker := os.environ.get("PYTEST_XDIST_WORKER"):
    os.environ.setdefault("NUMBA_CACHE_DIR", f"{tempfile.gettempdir()}/genre-batch-tests-numba-{os.getuid()}-{worker}")

import shutil
import signal
import socket
import subprocess
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import hypothesis
import pytest
from moto.server import ThreadedMotoServer
from s3_server import S3Server

# how long an example takes says something about the machine
hypothesis.settings.register_profile("untimed", deadline=None)
hypothesis.settings.load_profile("untimed")

_RADOSGW_PROGRAMS = ("radosgw", "radosgw-admin", "ceph", "ceph-mon", "ceph-osd", "ceph-authtool", "monmaptool", "curl")


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Files of tests that may take long come first, so that no worker is left with one while the others are done."""
    longest_s: dict[Path, float] = {}
    for item in items:
        limit = item.get_closest_marker("timeout")
        longest_s[item.path] = max(longest_s.get(item.path, 0.0), limit.args[0] if limit else 0.0)
    items.sort(key=lambda item: -longest_s[item.path])


@pytest.fixture(scope="session", autouse=True)
def _no_aws_account_of_the_user() -> Iterator[None]:
    """No test may reach the AWS account of whoever runs it."""
    with pytest.MonkeyPatch.context() as patch:
        for name in [name for name in os.environ if name.startswith("AWS_")]:
            patch.delenv(name)
        patch.setenv("AWS_EC2_METADATA_DISABLED", "true")
        patch.setenv("AWS_CONFIG_FILE", os.devnull)
        patch.setenv("AWS_SHARED_CREDENTIALS_FILE", os.devnull)
        yield


@pytest.fixture(scope="session")
def moto_s3(_no_aws_account_of_the_user: None) -> Iterator[S3Server]:
    """An S3 server in this process; from now on the environment leads to it, for child processes as well."""
    server = ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
    server.start()
    host, port = server.get_host_and_port()
    moto = S3Server(f"http://{host}:{port}", "testing", "testing")
    with pytest.MonkeyPatch.context() as patch:
        for name, value in moto.env().items():
            patch.setenv(name, value)
        yield moto
    server.stop()


@pytest.fixture
def bucket(moto_s3: S3Server) -> str:
    """A fresh bucket of `moto_s3`."""
    return moto_s3.new_bucket()


@pytest.fixture(scope="session")
def radosgw_server() -> Iterator[S3Server]:
    """Ceph's object gateway, without touching the environment. In CI it must be there."""
    missing = [program for program in _RADOSGW_PROGRAMS if shutil.which(program) is None]
    if missing and os.environ.get("CI") != "true":
        pytest.skip(f"Ceph's radosgw is not installed: {', '.join(missing)} not found")
    assert not missing, f"CI needs Ceph's radosgw: {', '.join(missing)} not found"
    # Ceph's sockets need a short path
    folder = Path(tempfile.mkdtemp(prefix="rgw-"))
    port, *monitor_ports = _free_ports(3)
    script = Path(__file__).with_name("start-radosgw.sh")
    try:
        subprocess.run([script, folder, *map(str, (port, *monitor_ports))], check=True, timeout=100)
        yield S3Server(f"http://127.0.0.1:{port}", "testkey", "testsecret")
    finally:
        for pid_file in sorted((folder / "run").glob("*.pid"), reverse=True):
            with suppress(ProcessLookupError):
                os.kill(int(pid_file.read_text()), signal.SIGKILL)
        shutil.rmtree(folder)


@pytest.fixture
def radosgw(radosgw_server: S3Server, monkeypatch: pytest.MonkeyPatch) -> S3Server:
    """Ceph's object gateway; for this test the environment leads to it."""
    for name, value in radosgw_server.env().items():
        monkeypatch.setenv(name, value)
    return radosgw_server


def _free_ports(count: int) -> list[int]:
    """Ports of loopback that nobody listens on now."""
    sockets = [socket.create_server(("127.0.0.1", 0)) for _ in range(count)]
    ports = [each.getsockname()[1] for each in sockets]
    for each in sockets:
        each.close()
    return ports
