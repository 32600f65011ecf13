"""A hub that answers, one that does not, and one that hangs: all of them on this machine."""

import json
import socket
import threading
import time
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import ClassVar

import pytest

from genre_batch.model.networks.hub import NotHad, files_from_hub

NAME, FILES, SHA = "someone/weights", {"config.json": b"{}", "model.safetensors": b"\0" * 8}, "0123456789" * 4


class Hub(BaseHTTPRequestHandler):
    """As much of the hub's protocol as two small files need."""

    asked: ClassVar[list[str]] = []

    def do_GET(self) -> None:
        self.asked.append(self.path)
        file = self.path.rpartition("/")[2]
        if self.path.startswith(f"/api/models/{NAME}"):
            self.answer(json.dumps({"id": NAME, "sha": SHA, "siblings": []}).encode())
        elif self.path.startswith(f"/{NAME}/resolve/main/") and file in FILES:
            self.answer(FILES[file], ETag=f'"{len(file)}"')
        else:
            code = "EntryNotFound" if NAME in self.path else "RepoNotFound"
            self.answer(b"", 404, **{"X-Error-Code": code})

    def do_HEAD(self) -> None:
        self.do_GET()

    def answer(self, body: bytes, status: int = 200, **headers: str) -> None:
        self.send_response(status)
        for name, value in ({"X-Repo-Commit": SHA, "Content-Length": str(len(body))} | headers).items():
            self.send_header(name, value)
        self.end_headers()
        if self.command == "GET":
            self.wfile.write(body)

    def log_message(self, *_: object) -> None:
        pass


@pytest.fixture
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_CACHE", str(tmp_path))
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_OFFLINE", False)
    return tmp_path


def ask(monkeypatch: pytest.MonkeyPatch, address: str) -> None:
    monkeypatch.setattr("huggingface_hub.constants.ENDPOINT", address)
    template = address + "/{repo_id}/resolve/{revision}/{filename}"
    monkeypatch.setattr("huggingface_hub.constants.HUGGINGFACE_CO_URL_TEMPLATE", template)
    monkeypatch.setattr("huggingface_hub.file_download.HUGGINGFACE_CO_URL_TEMPLATE", template, raising=False)


@pytest.fixture
def hub(cache: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[ThreadingHTTPServer]:
    with ThreadingHTTPServer(("127.0.0.1", 0), Hub) as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True)
        thread.start()
        Hub.asked.clear()
        ask(monkeypatch, f"http://127.0.0.1:{server.server_address[1]}")
        yield server
        server.shutdown()


def test_files_are_downloaded_once(hub: ThreadingHTTPServer, cache: Path) -> None:
    folder = files_from_hub(NAME, list(FILES))
    assert {path.name: path.read_bytes() for path in folder.iterdir()} == FILES
    assert cache in folder.parents
    requests = len(Hub.asked)
    assert requests > 0
    assert files_from_hub(NAME, list(FILES)) == folder
    assert len(Hub.asked) == requests


def test_a_model_the_hub_does_not_have(hub: ThreadingHTTPServer) -> None:
    with pytest.raises(NotHad, match="no such model on the Hugging Face hub"):
        files_from_hub("someone/else", list(FILES))


def test_a_model_without_the_file(hub: ThreadingHTTPServer) -> None:
    with pytest.raises(NotHad, match="has no such files"):
        files_from_hub(NAME, ["config.json", "model.onnx"])


def test_a_hub_that_refuses_is_given_up_at_once(cache: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))
        ask(monkeypatch, f"http://127.0.0.1:{unused.getsockname()[1]}")
        began = time.monotonic()
        with pytest.raises(NotHad, match="the Hugging Face hub cannot be reached"):
            files_from_hub(NAME, list(FILES))
    assert time.monotonic() - began < 3


def test_a_hub_that_hangs_is_given_up_in_time(cache: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("genre_batch.model.networks.hub._TIMEOUT_S", 0.5)
    with socket.socket() as silent:
        silent.bind(("127.0.0.1", 0))
        silent.listen()
        ask(monkeypatch, f"http://127.0.0.1:{silent.getsockname()[1]}")
        began = time.monotonic()
        with pytest.raises(NotHad, match="the Hugging Face hub cannot be reached"):
            files_from_hub(NAME, list(FILES))
    assert time.monotonic() - began < 5


def test_offline_by_wish(cache: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_OFFLINE", True)
    with pytest.raises(NotHad, match="the Hugging Face hub cannot be reached"):
        files_from_hub(NAME, list(FILES))


@pytest.mark.parametrize("name", ["/no/such/folder", "a folder", "../weights"])
def test_what_can_only_be_a_folder(cache: Path, name: str) -> None:
    with pytest.raises(NotHad, match=r"^there is no such folder$"):
        files_from_hub(name, list(FILES))
