"""Servers and environment settings shared by the tests of several rooms."""

import os
import tempfile

# set before any library loads: contending threads make tests slow and timing-dependent on a busy machine
os.environ.setdefault("OMP_NUM_THREADS", "1")
# on a busy machine, Ray's agent can take longer to start than the 15 s after which its node gives up
os.environ.setdefault("RAY_agent_register_timeout_ms", "120000")
# test processes that compile librosa's code into one shared folder leave files that crash the next process to load them
if worker := os.environ.get("PYTEST_XDIST_WORKER"):
    os.environ.setdefault("NUMBA_CACHE_DIR", f"{tempfile.gettempdir()}/genre-batch-tests-numba-{os.getuid()}-{worker}")

import shutil
import signal
import socket
import subprocess
from collections import Counter
from collections.abc import Iterator
from contextlib import suppress
from itertools import chain
from pathlib import Path

import hypothesis
import pytest
from moto.server import ThreadedMotoServer
from s3_server import S3Server

from genre_batch.storage.local import LocalStore
from genre_batch.storage.open_store import open_store
from genre_batch.storage.store import Store

# an example's duration depends on the machine, not on the code under test
hypothesis.settings.register_profile("untimed", deadline=None)
hypothesis.settings.load_profile("untimed")

_RADOSGW_PROGRAMS = ("radosgw", "radosgw-admin", "ceph", "ceph-mon", "ceph-osd", "ceph-authtool", "monmaptool", "curl")


_PATIENCE = 4
"""Limits of time only end tests that hang: a slow or busy machine has this many times what a test usually takes."""


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Run the slowest test files first, so that no worker is still busy with one after the others have finished."""
    longest_s: dict[Path, float] = {}
    for item in items:
        limit = item.get_closest_marker("timeout")
        longest_s[item.path] = max(longest_s.get(item.path, 0.0), limit.args[0] if limit else 0.0)
    items.sort(key=lambda item: -longest_s[item.path])
    for item in items:
        limit = item.get_closest_marker("timeout")
        if limit:
            item.add_marker(pytest.mark.timeout(_PATIENCE * limit.args[0]), append=False)


_SLOWEST_FILES = 10


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Print the files whose tests, with their fixtures, took longest, if this was a long session."""
    took_s: Counter[str] = Counter()
    for report in chain.from_iterable(terminalreporter.stats.values()):
        if isinstance(report, pytest.TestReport):
            took_s[report.nodeid.partition("::")[0]] += report.duration
    if took_s.total() > 60:
        terminalreporter.write_sep("=", f"slowest {_SLOWEST_FILES} test files")
        for name, seconds in took_s.most_common(_SLOWEST_FILES):
            terminalreporter.write_line(f"{seconds:8.1f}s {name}")


@pytest.fixture(scope="session", autouse=True)
def _without_the_users_aws_account() -> Iterator[None]:
    """Keep the tests from reaching the AWS account of the person who runs them."""
    with pytest.MonkeyPatch.context() as patch:
        for name in [name for name in os.environ if name.startswith("AWS_")]:
            patch.delenv(name)
        patch.setenv("AWS_EC2_METADATA_DISABLED", "true")
        patch.setenv("AWS_CONFIG_FILE", os.devnull)
        patch.setenv("AWS_SHARED_CREDENTIALS_FILE", os.devnull)
        yield


@pytest.fixture(scope="session")
def moto_s3(_without_the_users_aws_account: None) -> Iterator[S3Server]:
    """An S3 server in this process. The environment points to it, also for child processes."""
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
    """A new bucket on `moto_s3`."""
    return moto_s3.new_bucket()


@pytest.fixture(scope="module")
def local_ray() -> Iterator[None]:
    """Ray with two CPUs, started by this process as runs start theirs, for all runs of a module."""
    import ray

    from genre_batch.engine.lean_ray import without_unused_services

    with without_unused_services():
        ray.init(address="local", num_cpus=2, include_dashboard=False, log_to_driver=False, logging_level="ERROR")
    yield
    ray.shutdown()


@pytest.fixture(scope="session")
def radosgw_server() -> Iterator[S3Server]:
    """Ceph's object gateway, with the environment left alone. CI fails if it is not installed."""
    missing = [program for program in _RADOSGW_PROGRAMS if shutil.which(program) is None]
    if missing and os.environ.get("CI") != "true":
        pytest.skip(f"Ceph's radosgw is not installed: {', '.join(missing)} not found")
    assert not missing, f"CI needs Ceph's radosgw: {', '.join(missing)} not found"
    # Ceph's sockets need short paths
    folder = Path(tempfile.mkdtemp(prefix="rgw-"))
    port, *monitor_ports = _free_ports(3)
    script = Path(__file__).with_name("start-radosgw.sh")
    try:
        subprocess.run([script, folder, *map(str, (port, *monitor_ports))], check=True, timeout=300)
        yield S3Server(f"http://127.0.0.1:{port}", "testkey", "testsecret")
    finally:
        for pid_file in sorted((folder / "run").glob("*.pid"), reverse=True):
            with suppress(ProcessLookupError):
                os.kill(int(pid_file.read_text()), signal.SIGKILL)
        shutil.rmtree(folder)


@pytest.fixture
def radosgw(radosgw_server: S3Server, monkeypatch: pytest.MonkeyPatch) -> S3Server:
    """Ceph's object gateway. The environment points to it for the duration of the test."""
    for name, value in radosgw_server.env().items():
        monkeypatch.setenv(name, value)
    return radosgw_server


@pytest.fixture(params=["local", "s3", pytest.param("radosgw", marks=pytest.mark.radosgw)])
def place(request: pytest.FixtureRequest, tmp_path: Path) -> tuple[Store, str]:
    """A store and an empty output in it, on each kind of real storage."""
    if request.param == "local":
        return LocalStore(), str(tmp_path / "table")
    server: S3Server = request.getfixturevalue("moto_s3" if request.param == "s3" else "radosgw")
    output = f"s3://{server.new_bucket()}/table"
    return open_store(output), output


def _free_ports(count: int) -> list[int]:
    """Loopback ports that are not in use at the moment."""
    sockets = [socket.create_server(("127.0.0.1", 0)) for _ in range(count)]
    ports = [each.getsockname()[1] for each in sockets]
    for each in sockets:
        each.close()
    return ports


@pytest.fixture(scope="session")
def spark_session(tmp_path_factory: pytest.TempPathFactory) -> Iterator[object]:
    """Spark in this process, without a metastore."""
    from pyspark.sql import SparkSession

    settings = {
        "spark.driver.bindAddress": "127.0.0.1",
        "spark.driver.host": "127.0.0.1",
        "spark.sql.session.timeZone": "UTC",
        "spark.sql.shuffle.partitions": "1",
        "spark.sql.warehouse.dir": str(tmp_path_factory.mktemp("warehouse")),
        "spark.ui.enabled": "false",
    }
    session = SparkSession.builder.master("local[1]").config(map=settings).getOrCreate()
    yield session
    session.stop()
