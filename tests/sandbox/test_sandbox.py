"""The sandbox under real crashes, hangs, memory bombs and broken protocols."""

import json
import os
import random
import signal
import subprocess
import sys
import time
import zlib
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import psutil
import pytest
from sandbox_handlers import WORK_S

from genre_batch.catalog.reject import RejectReason, RejectStage, TrackRejected
from genre_batch.sandbox import fork_server
from genre_batch.sandbox.sandbox import Sandbox
from genre_batch.storage.store import ReadFailed

DATA = bytes(range(256)) * 4096


def read(start: int, length: int) -> bytes:
    return DATA[start : start + length]


@pytest.fixture(scope="module")
def sandbox() -> Iterator[Sandbox]:
    with Sandbox("sandbox_handlers:misbehave", deadline_s=1.0, memory_bytes=256 << 20) as box:
        yield box


def do(sandbox: Sandbox, deed: str) -> RejectReason:
    """The reject reason of `deed`. Checks that the next call finds a new child."""
    before = child_of(sandbox)
    with pytest.raises(TrackRejected) as caught:
        sandbox.call(deed.encode(), read, len(DATA))
    assert child_of(sandbox) != before
    assert not psutil.pid_exists(before)
    assert caught.value.reject.message.isprintable()
    return caught.value.reject.reason


def child_of(sandbox: Sandbox) -> int:
    return int(sandbox.call(b"", read, len(DATA)))


def test_returns_the_answer_and_reads_through_the_parent() -> None:
    asked: list[tuple[int, int]] = []

    def noting(start: int, length: int) -> bytes:
        asked.append((start, length))
        return read(start, length)

    with Sandbox("sandbox_handlers:echo") as box:
        assert box.call(b"hello", noting, len(DATA)) == b"hello|" + DATA + b"|%d" % len(DATA)
    assert sum(length for _, length in asked) == len(DATA)
    assert len(asked) < 8


def test_reads_only_what_is_needed() -> None:
    asked = []
    with Sandbox("sandbox_handlers:tail") as box:
        size = 1 << 40
        assert box.call(b"", lambda start, length: asked.append(length) or b"x" * length, size) == b"xxxx"
    assert sum(asked) <= 128 * 1024


def test_keeps_its_child_between_good_calls(sandbox: Sandbox) -> None:
    assert child_of(sandbox) == child_of(sandbox)


@pytest.mark.parametrize("deed", ["abort", "segfault", "exit", "system_exit", "kill"])
def test_a_crash_costs_one_track(sandbox: Sandbox, deed: str) -> None:
    assert do(sandbox, deed) is RejectReason.DECODER_CRASH


def test_a_crash_names_the_signal(sandbox: Sandbox) -> None:
    with pytest.raises(TrackRejected, match="SIGSEGV"):
        sandbox.call(b"segfault", read, len(DATA))
    with pytest.raises(TrackRejected, match="status 3"):
        sandbox.call(b"exit", read, len(DATA))


@pytest.mark.parametrize("deed", ["spin", "spin_in_c", "stop"])
def test_a_hang_ends_at_the_deadline(sandbox: Sandbox, deed: str) -> None:
    assert do(sandbox, deed) is RejectReason.DECODER_TIMEOUT


@pytest.mark.parametrize("deed", ["spin", "spin_in_c", "sleep", "wait_for_itself", "stop"])
def test_a_child_without_progress_is_stopped_long_before_the_deadline(deed: str) -> None:
    with Sandbox("sandbox_handlers:misbehave", deadline_s=60.0, stall_s=0.3) as box:
        with pytest.raises(TrackRejected, match=r"no progress within|it stopped working") as raised:
            box.call(deed.encode(), read, len(DATA))
        assert raised.value.reject.reason is RejectReason.DECODER_TIMEOUT


def test_a_slower_processor_has_more_time(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(fork_server, "_USUAL_WORK_NS", 1.0)
    with Sandbox("sandbox_handlers:misbehave", deadline_s=WORK_S / 100, stall_s=WORK_S / 100) as box:
        assert box.call(b"work", read, len(DATA)) == b"done"


def test_a_child_that_sleeps_now_and_then_is_not_stopped() -> None:
    with Sandbox("sandbox_handlers:misbehave", stall_s=0.5) as box:
        assert box.call(b"nap", read, len(DATA)) == b"rested"


def test_a_child_that_reports_progress_without_reading_is_not_stopped() -> None:
    with Sandbox("sandbox_handlers:misbehave", stall_s=0.4) as box:
        assert box.call(b"plod", lambda start, length: pytest.fail("nothing is to be read"), len(DATA)) == b"arrived"


def test_a_child_that_waits_for_a_processor_is_not_stopped() -> None:
    """It shares one processor with three busy processes, so it takes four times as long as it works."""
    spin = "while True: pass"
    with Sandbox("sandbox_handlers:misbehave", deadline_s=2 * WORK_S, stall_s=2 * WORK_S) as box:
        here = {next(iter(os.sched_getaffinity(0)))}
        child = child_of(box)
        os.sched_setaffinity(child, here)
        others = [subprocess.Popen([sys.executable, "-c", spin]) for _ in range(3)]
        try:
            for other in others:
                os.sched_setaffinity(other.pid, here)
            assert box.call(b"work", read, len(DATA)) == b"done"
        finally:
            for other in others:
                other.kill()
                other.wait()


def test_a_large_object_is_read_correctly_in_any_order() -> None:
    """It is larger than the cache and the arena, so that both start over."""
    pattern = np.random.default_rng(0).integers(0, 256, 1 << 20, np.uint8)

    def content(start: int, length: int) -> bytes:
        at = np.arange(start, start + length, dtype=np.uint64)
        return (pattern[at % len(pattern)] ^ (at >> np.uint64(20)).astype(np.uint8)).tobytes()

    dice = random.Random(7)
    size = 200 << 20
    ranges = [(start, 300_000) for start in range(0, size - 300_000, 700_000)]
    ranges += [(dice.randrange(size - 300_000), dice.randrange(1, 300_000)) for _ in range(100)]
    with Sandbox("sandbox_handlers:digests") as box:
        digests = box.call(json.dumps(ranges).encode(), content, size)
    assert json.loads(digests) == [zlib.crc32(content(*part)) for part in ranges]


@pytest.mark.parametrize("deed", ["numpy_bomb", "hoard", "native_bomb"])
def test_memory_is_limited(deed: str) -> None:
    with Sandbox("sandbox_handlers:misbehave", memory_bytes=64 << 20) as box:
        assert do(box, deed) is RejectReason.DECODER_CRASH


@pytest.mark.parametrize(
    "deed",
    [
        *("half_answer", "half_header", "huge_answer", "unknown_kind", "wrong_kind", "untrue_reject", "short_fetch"),
        *("long_frame", "fetch_beyond_the_arena", "flood"),
        *("fetch_outside", "fetch_far_outside", "fetch_for_ever"),
    ],
)
def test_a_broken_protocol_is_a_crash(sandbox: Sandbox, deed: str) -> None:
    before = psutil.Process().memory_info().rss
    assert do(sandbox, deed) is RejectReason.DECODER_CRASH
    assert psutil.Process().memory_info().rss - before < 100 << 20


def test_a_bug_in_the_handler_is_internal(sandbox: Sandbox) -> None:
    with pytest.raises(TrackRejected, match="KeyError: 'no such thing") as caught:
        sandbox.call(b"bug", read, len(DATA))
    assert caught.value.reject.reason is RejectReason.INTERNAL


def test_a_reject_of_the_handler_is_raised(sandbox: Sandbox) -> None:
    child = child_of(sandbox)
    with pytest.raises(TrackRejected) as caught:
        sandbox.call(b"silent", read, len(DATA))
    reject = caught.value.reject
    assert (reject.reason, reject.stage) == (RejectReason.SILENT, RejectStage.FEATURES)
    assert child_of(sandbox) == child


@pytest.mark.parametrize(
    "error", [TrackRejected(RejectReason.GONE, RejectStage.READ, "404"), TimeoutError(), KeyboardInterrupt()]
)
def test_an_error_of_read_is_raised_unchanged(error: BaseException) -> None:
    def failing(start: int, length: int) -> bytes:
        raise error

    with Sandbox("sandbox_handlers:echo") as box:
        with pytest.raises(type(error)) as caught:
            box.call(b"", failing, 10)
        assert caught.value is error
        assert box.call(b"a", read, 2) == b"a|\x00\x01|2"


def test_too_few_bytes_from_read_are_a_failed_read() -> None:
    with Sandbox("sandbox_handlers:echo") as box, pytest.raises(ReadFailed):
        box.call(b"", lambda start, length: b"x", 10)


def test_time_in_read_does_not_count() -> None:
    def slow(start: int, length: int) -> bytes:
        time.sleep(0.6)
        return read(start, length)

    with Sandbox("sandbox_handlers:echo", deadline_s=0.5) as box:
        assert box.call(b"", slow, 10) == b"|" + DATA[:10] + b"|10"


def test_a_child_that_died_while_idle_is_replaced_silently(sandbox: Sandbox) -> None:
    child = child_of(sandbox)
    os.kill(child, signal.SIGKILL)
    time.sleep(0.1)
    assert child_of(sandbox) != child


def test_a_server_that_was_killed_is_replaced() -> None:
    with Sandbox("sandbox_handlers:misbehave") as box:
        psutil.Process(child_of(box)).parent().kill()
        time.sleep(0.2)
        assert child_of(box) > 0


def test_the_child_has_no_credentials_and_opens_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN", "SOME_TOKEN", "HOME"):
        monkeypatch.setenv(name, "secret")
    with Sandbox("sandbox_handlers:surroundings") as box:
        found = json.loads(box.call(b"", read, 1))
    assert not [name for name, value in found["environment"].items() if name.startswith("AWS") or value == "secret"]
    assert found["environment"]["OMP_NUM_THREADS"] == "1"
    assert found["core"] == [0, 0]
    assert (found["opened_file"], found["opened_socket"]) == (False, False)
    assert found["modules"] == []


def test_counts_cpu_time_of_live_and_dead_children() -> None:
    with Sandbox("sandbox_handlers:misbehave", deadline_s=0.5) as box:
        box.await_ready()
        start = box.cpu_s
        assert start > 0
        with pytest.raises(TrackRejected):
            box.call(b"spin", read, 1)
        spent = box.cpu_s
        assert spent - start >= 0.5
        child_of(box)
        assert box.cpu_s >= spent


@pytest.mark.parametrize("handler", ["no_such_module:f", "sandbox_handlers:no_such_function"])
def test_a_handler_that_cannot_be_loaded_is_an_error(handler: str) -> None:
    with pytest.raises(RuntimeError, match="no_such"):
        Sandbox(handler).await_ready()


def test_close_leaves_no_process() -> None:
    box = Sandbox("sandbox_handlers:misbehave")
    child_of(box)
    family = [*psutil.Process(child_of(box)).parents()[:1], psutil.Process(child_of(box))]
    box.close()
    assert not any(process.is_running() for process in family)


def test_no_process_outlives_a_killed_parent() -> None:
    program = (
        "import sys, time\n"
        "from genre_batch.sandbox.sandbox import Sandbox\n"
        "box = Sandbox('sandbox_handlers:misbehave')\n"
        "print(box.call(b'', lambda start, length: b'', 1).decode(), flush=True)\n"
        "box.call(b'spin', lambda start, length: b'', 1)\n"
    )
    path = os.pathsep.join([str(Path(__file__).parents[2]), str(Path(__file__).parents[1])])
    with subprocess.Popen(
        [sys.executable, "-c", program], stdout=subprocess.PIPE, env=os.environ | {"PYTHONPATH": path}
    ) as parent:
        assert parent.stdout is not None
        child = psutil.Process(int(parent.stdout.readline()))
        server = child.parent()
        assert server is not None
        time.sleep(0.2)
        parent.kill()
    _gone, alive = psutil.wait_procs([child, server], timeout=300)
    assert not [process for process in alive if process.status() != psutil.STATUS_ZOMBIE]
