"""The demo's S3 server serves, and stops with its block or with the process that started it."""

import os
import signal
import subprocess
import sys
import time

import boto3
import psutil
import pytest

from genre_batch.demo.s3_server import SERVER, environment_variables, s3_server
from genre_batch.errors import UserError


def _servers(parent: int | None = None) -> list[psutil.Process]:
    return [child for child in psutil.Process(parent).children() if SERVER in child.cmdline()]


def test_it_answers_inside_the_block_and_is_gone_after_it() -> None:
    with s3_server() as environment, environment_variables(environment):
        (server,) = _servers()
        client = boto3.session.Session().client("s3")
        client.create_bucket(Bucket="songs")
        client.put_object(Bucket="songs", Key="a/b.mp3", Body=b"sound")
        assert client.get_object(Bucket="songs", Key="a/b.mp3")["Body"].read() == b"sound"
    assert not server.is_running()


def test_it_listens_on_loopback_only() -> None:
    with s3_server() as environment:
        (server,) = _servers()
        addresses = [c.laddr.ip for c in server.net_connections("inet") if c.status == psutil.CONN_LISTEN]
        assert addresses == ["127.0.0.1"]
        assert environment["AWS_ENDPOINT_URL"].startswith("http://127.0.0.1:")


def test_it_is_stopped_when_the_block_fails() -> None:
    def block() -> None:
        with s3_server():
            servers.extend(_servers())
            raise ZeroDivisionError

    servers: list[psutil.Process] = []
    with pytest.raises(ZeroDivisionError):
        block()
    assert [server.is_running() for server in servers] == [False]


def test_it_stops_when_its_parent_is_killed() -> None:
    code = "import time, genre_batch.demo.s3_server as s\nwith s.s3_server(): print('up', flush=True); time.sleep(100)"
    with subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE, text=True) as parent:
        assert parent.stdout is not None
        assert parent.stdout.readline() == "up\n"
        (server,) = _servers(parent.pid)
        parent.send_signal(signal.SIGKILL)
    deadline_s = time.monotonic() + 300
    while server.is_running() and server.status() != psutil.STATUS_ZOMBIE:
        assert time.monotonic() < deadline_s, "the server outlives its parent"
        time.sleep(0.1)


def test_the_users_own_aws_settings_are_hidden_and_restored(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_PROFILE", "mine")
    monkeypatch.setenv("AWS_DEFAULT_REGION", "eu-north-1")
    with environment_variables({"AWS_DEFAULT_REGION": "us-east-1", "RAY_ADDRESS": "local"}):
        assert "AWS_PROFILE" not in os.environ
        assert os.environ["AWS_DEFAULT_REGION"] == "us-east-1"
    assert os.environ["AWS_PROFILE"] == "mine"
    assert os.environ["AWS_DEFAULT_REGION"] == "eu-north-1"
    assert "RAY_ADDRESS" not in os.environ


def test_without_moto_one_sentence_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None)
    with pytest.raises(UserError, match="not installed") as caught, s3_server():
        pass
    assert "pip install 'moto[s3,server]'" in caught.value.hint


def test_a_server_that_does_not_start_is_reported_in_one_sentence(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("genre_batch.demo.s3_server.SERVER", "genre_batch.no_such_module")
    with pytest.raises(UserError, match="stopped at once with exit code 1"), s3_server():
        pass
