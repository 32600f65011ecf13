"""A local S3 server for the duration of a `with` block: moto in a process of its own."""

import importlib.util
import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager

from genre_batch.errors import UserError

SERVER = "genre_batch.demo.s3_server"
STOP_S = 10.0


@contextmanager
def s3_server() -> Iterator[dict[str, str]]:
    """Start the server and yield the environment variables that make the AWS default chain lead to it.

    The server stops at the end of the block, or on its own once this process has died. Raises UserError if moto is not
    installed or the server does not start.
    """
    if importlib.util.find_spec("moto") is None:
        raise UserError("the demo's S3 server is not installed", "pip install 'moto[s3,server]'")
    process = subprocess.Popen(
        [sys.executable, "-m", SERVER],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
    )
    try:
        yield _environment(_endpoint(process))
    finally:
        _stop_server(process)


@contextmanager
def environment_variables(environment: dict[str, str]) -> Iterator[None]:
    """Set these environment variables and remove all other AWS_ ones; restore everything at the end."""
    before = dict(os.environ)
    for name in [name for name in os.environ if name.startswith("AWS_")]:
        del os.environ[name]
    os.environ.update(environment)
    try:
        yield
    finally:
        os.environ.clear()
        os.environ.update(before)


def serve() -> None:
    """Serve on a free port, print the address, and return when standard input ends."""
    from moto.server import ThreadedMotoServer

    server = ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
    server.start()
    host, port = server.get_host_and_port()
    sys.stdout.write(f"http://{host}:{port}\n")
    sys.stdout.flush()
    sys.stdin.read()


def _endpoint(process: "subprocess.Popen[str]") -> str:
    """The address that the server prints once it answers."""
    assert process.stdout is not None
    endpoint = process.stdout.readline().strip()
    if not endpoint:
        raise UserError(
            f"the demo's S3 server stopped at once with exit code {process.wait()}",
            f"run `{sys.executable} -m {SERVER}` to see why",
        )
    return endpoint


def _stop_server(process: "subprocess.Popen[str]") -> None:
    assert process.stdin is not None
    assert process.stdout is not None
    process.stdin.close()
    process.stdout.close()
    try:
        process.wait(STOP_S)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()


def _environment(endpoint: str) -> dict[str, str]:
    return {
        "AWS_ENDPOINT_URL": endpoint,
        "AWS_ACCESS_KEY_ID": "demo",
        "AWS_SECRET_ACCESS_KEY": "demo",
        "AWS_DEFAULT_REGION": "us-east-1",
        "AWS_CONFIG_FILE": os.devnull,
        "AWS_SHARED_CREDENTIALS_FILE": os.devnull,
        "NO_PROXY": ",".join(filter(None, [os.environ.get("NO_PROXY"), "127.0.0.1"])),
    }


if __name__ == "__main__":
    serve()
