"""References from a track to another file or address are not followed, with or without the sandbox."""

import io
import socket
from collections.abc import Iterator
from pathlib import Path

import audio_samples
import av
import pytest
from security.traps import CONTAINERS, LINKED_PICTURES, PLAYLISTS, Trap, behind_id3
from watched_file import Watch, watched

from genre_batch.catalog.reject import RejectReason, TrackRejected
from genre_batch.catalog.track import Track
from genre_batch.decode.decoder import decode_window
from genre_batch.decode.window import Window
from genre_batch.features.front_ends.log_mel import LogMelFrontEnd
from genre_batch.features.sandboxed import SandboxedFrontEnd

NO_AUDIO = PLAYLISTS | {f"{name} behind an ID3 tag": behind_id3(trap) for name, trap in PLAYLISTS.items()}
REFUSED = {RejectReason.UNSUPPORTED, RejectReason.CORRUPT, RejectReason.TRUNCATED}


@pytest.fixture(scope="module")
def secret(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Real audio, so that following a reference yields samples."""
    file = tmp_path_factory.mktemp("secret") / "secret.m4a"
    file.write_bytes(audio_samples.encode(audio_samples.chirp(3.0), 44_100, "m4a"))
    return file


@pytest.fixture
def watch(secret: Path) -> Iterator[Watch]:
    with watched(secret) as watch:
        yield watch


@pytest.fixture
def listener() -> Iterator[socket.socket]:
    """A listening socket that must not receive a connection."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        server.setblocking(False)
        yield server
        with pytest.raises(BlockingIOError):
            server.accept()


@pytest.fixture(scope="module")
def front_end() -> Iterator[SandboxedFrontEnd]:
    extractor = SandboxedFrontEnd(LogMelFrontEnd(n_mels=16, segment_frames=32, segment_hop_frames=32), 30.0)
    yield extractor
    extractor.close()


def unsandboxed(data: bytes) -> RejectReason | None:
    """The reject of the decoders outside the sandbox, where they could open any file."""
    try:
        decode_window(io.BytesIO(data), len(data), "trap", Window(length_s=2.0, min_offset_s=0, max_offset_s=0))
    except TrackRejected as rejected:
        return rejected.reject.reason
    return None


def sandboxed(front_end: SandboxedFrontEnd, data: bytes) -> RejectReason | None:
    try:
        track = Track("trap.mp3", "trap.mp3", "etag", len(data))
        front_end.extract(track, lambda start, length: data[start : start + length])
    except TrackRejected as rejected:
        return rejected.reject.reason
    return None


def test_the_watch_notices_that_the_file_is_opened(secret: Path, watch: Watch) -> None:
    assert not watch.opened
    secret.read_bytes()
    assert watch.opened


@pytest.mark.parametrize(
    ("trap", "options"),
    [
        (PLAYLISTS["ffconcat"], {"safe": "0"}),
        (CONTAINERS["mp4 with an alias"], {"enable_drefs": "1", "use_absolute_path": "1"}),
    ],
)
def test_the_traps_work_on_libav_without_restrictions(
    trap: Trap, options: dict[str, str], secret: Path, watch: Watch, tmp_path: Path
) -> None:
    (tmp_path / "trap").write_bytes(trap(str(secret)))
    with av.open(str(tmp_path / "trap"), options=options) as container:
        next(container.demux())
    assert watch.opened


@pytest.mark.parametrize("name", sorted(NO_AUDIO))
def test_a_playlist_is_rejected(
    name: str, secret: Path, watch: Watch, listener: socket.socket, front_end: SandboxedFrontEnd
) -> None:
    address = f"http://127.0.0.1:{listener.getsockname()[1]}/secret.m4a"
    for target in (address, str(secret), f"file://{secret}"):
        data = NO_AUDIO[name](target)
        assert {unsandboxed(data), sandboxed(front_end, data)} <= REFUSED
    assert not watch.opened


@pytest.mark.parametrize("name", sorted(CONTAINERS))
def test_a_reference_in_a_file_index_is_not_followed(
    name: str, secret: Path, watch: Watch, listener: socket.socket, front_end: SandboxedFrontEnd
) -> None:
    address = f"http://127.0.0.1:{listener.getsockname()[1]}/secret.m4a"
    for target in (address, str(secret), f"file://{secret}"):
        data = CONTAINERS[name](target)
        assert unsandboxed(data) in REFUSED | {None}
        assert unsandboxed(data) == sandboxed(front_end, data)
    assert not watch.opened


@pytest.mark.parametrize("name", sorted(LINKED_PICTURES))
def test_music_with_a_linked_picture_is_decoded_without_following_the_link(
    name: str, secret: Path, watch: Watch, listener: socket.socket, front_end: SandboxedFrontEnd
) -> None:
    address = f"http://127.0.0.1:{listener.getsockname()[1]}/cover.png"
    for target in (address, str(secret)):
        data = LINKED_PICTURES[name](target)
        assert (unsandboxed(data), sandboxed(front_end, data)) == (None, None)
    assert not watch.opened


@pytest.mark.parametrize("demuxer", ["mp4", "ogg", "asf", "mp3", "wav"])
@pytest.mark.parametrize("name", sorted(PLAYLISTS))
def test_libav_with_a_forced_demuxer_follows_no_playlist(
    name: str, demuxer: str, secret: Path, watch: Watch, listener: socket.socket
) -> None:
    """The second line of defence, should the format detection be fooled."""
    from genre_batch.decode.audio_format import Libav
    from genre_batch.decode.av_decoder import AvReader

    for target in (f"http://127.0.0.1:{listener.getsockname()[1]}/x", str(secret)):
        with pytest.raises(TrackRejected):
            AvReader(io.BytesIO(PLAYLISTS[name](target)), Libav(demuxer, frozenset({"aac", "mp3", "vorbis"})))
    assert not watch.opened
