"""A cluster that runs the code of everybody is warnings from one that asks for a token, by asking it."""

import os
import socket
import subprocess
import sys
from pathlib import Path

import pytest

from genre_batch.engine.authentication import answers_without_token, reachable_from_elsewhere

CONNECT = """
from genre_batch.engine.cluster import connected
with connected():
    pass
"""


@pytest.mark.parametrize(
    ("addresses", "reachable"),
    [
        (["127.0.0.1"], False),
        (["127.8.8.8", "::1", "localhost"], False),
        ([], False),
        (["127.0.0.1", "10.0.0.7"], True),
        (["192.0.2.2"], True),
        (["0.0.0.0"], True),
        (["fd00::1"], True),
        (["ray-head.default.svc"], True),
        (["127.0.0.1.attacker.example"], True),
    ],
)
def test_only_loopback_is_out_of_reach(addresses: list[str], reachable: bool) -> None:
    assert reachable_from_elsewhere(addresses) == reachable


def test_where_nobody_listens_nothing_is_open() -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
    assert not answers_without_token(f"127.0.0.1:{port}")


@pytest.mark.slow
@pytest.mark.timeout(300)
def test_an_open_cluster_is_warned_of(tmp_path: Path) -> None:
    """That one with a token is not is seen in tests/security/, where a run on such a cluster says nothing."""
    environment = os.environ | {"RAY_AUTH_MODE": "disabled", "HOME": str(tmp_path), "RAY_ADDRESS": "local"}
    done = subprocess.run(
        [sys.executable, "-c", CONNECT], env=environment, capture_output=True, text=True, timeout=280, check=False
    )
    assert (done.returncode, done.stdout) == (0, ""), done.stderr
    warnings = [line for line in done.stderr.splitlines() if line.startswith(("warning: ", "hint: "))]
    assert ["requires no token" in line for line in warnings] == [True, False]
