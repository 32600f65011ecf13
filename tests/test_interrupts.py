"""A signal at any moment ends a real run with one sentence and exit code 130, and leaves no process behind."""

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

import audio_samples
import psutil
import pytest

from genre_batch.interrupts import SENTENCE

TRACKS = 60
DISTINCT = 6
SETTINGS = ["--set", "bundle=cheap", "--set"]
SIGNALS = [signal.SIGINT, signal.SIGTERM, signal.SIGHUP]
Send = Callable[["subprocess.Popen[str]", signal.Signals], None]
Moment = Callable[["subprocess.Popen[str]", Path], bool]
"""Whether a run with this output has come to the moment."""


LONG_RUN = 4000
"""So many tracks keep two cores busy for longer than the moments last."""


@pytest.fixture(scope="module")
def music(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("music")
    sounds = [audio_samples.chirp(20, 44_100, seed=number) for number in range(DISTINCT)]
    contents = [audio_samples.encode(sound, 44_100, "wav") for sound in sounds]
    for number in range(TRACKS):
        (folder / f"{number:03d}.wav").write_bytes(contents[number % DISTINCT])
    return folder


@pytest.fixture
def much_music(music: Path, tmp_path: Path) -> Path:
    folder = tmp_path / "much"
    folder.mkdir()
    for number in range(LONG_RUN):
        (folder / f"{number:04d}.wav").hardlink_to(music / f"{number % DISTINCT:03d}.wav")
    return folder


def to_process(run: "subprocess.Popen[str]", number: signal.Signals) -> None:
    run.send_signal(number)


def to_group(run: "subprocess.Popen[str]", number: signal.Signals) -> None:
    """Send a signal to all processes of the run, as a terminal does on Ctrl-C."""
    os.killpg(run.pid, number)


def after(seconds: float) -> Moment:
    """So long after the program has its child process: while Python starts, it cannot do anything about a signal."""

    def wait(run: "subprocess.Popen[str]", output: Path) -> bool:
        if not psutil.Process(run.pid).children():
            return False
        time.sleep(seconds)
        return True

    return wait


def ray_starts(run: "subprocess.Popen[str]", output: Path) -> bool:
    return any(child.name() == "gcs_server" for child in psutil.Process(run.pid).children(recursive=True))


def it_is_planned(run: "subprocess.Popen[str]", output: Path) -> bool:
    return any(output.glob("_runs/*/plan.json"))


def a_shard_is_committed(run: "subprocess.Popen[str]", output: Path) -> bool:
    return any(output.glob("_runs/*/commits/*.json"))


def interrupt(
    music: Path, output: Path, moment: Moment, number: signal.Signals, send: Send, within_s: float = 300.0
) -> list[psutil.Process]:
    """Check how a run ends that gets a signal at a moment, and return its processes that stay alive."""
    command = [sys.executable, "-m", "genre_batch", "score", str(music), str(output), *SETTINGS, "shard_tracks=8"]
    # a shell ignores Ctrl-C on behalf of what it starts in the background, and nohup hang-ups: that may be these tests
    command = ["env", "--default-signal=INT,HUP", *command]
    run = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, start_new_session=True)
    reached = False
    while not reached:
        with suppress(psutil.NoSuchProcess):
            reached = moment(run, output)
        assert run.poll() is None, "the run ended before the signal"
        time.sleep(0.01)
    below = psutil.Process(run.pid).children(recursive=True)
    send(run, number)
    stdout, stderr = run.communicate(timeout=within_s)
    assert (run.returncode, stdout) == (130, "")
    assert stderr.endswith(SENTENCE)
    assert stderr.count("interrupted") == 1
    assert not any(trace in stderr for trace in ("Traceback", "***", "Stack", "core dumped", "Fatal")), stderr
    alive: list[psutil.Process] = psutil.wait_procs(below, timeout=300)[1]
    return alive


@pytest.mark.slow
@pytest.mark.parametrize(
    ("moment", "number", "send"),
    [
        (after(0.0), signal.SIGINT, to_process),
        (ray_starts, signal.SIGTERM, to_group),
        (it_is_planned, signal.SIGHUP, to_process),
        (a_shard_is_committed, signal.SIGINT, to_group),
    ],
)
def test_a_signal_ends_a_run_at_any_moment(
    music: Path, tmp_path: Path, moment: Moment, number: signal.Signals, send: Send
) -> None:
    assert interrupt(music, tmp_path, moment, number, send) == []


@pytest.mark.soak
@pytest.mark.timeout(5_400)
def test_signals_end_a_run_within_ten_seconds_at_forty_moments(much_music: Path, tmp_path: Path) -> None:
    for step in range(40):
        send, number, moment = (to_process, to_group)[step % 2], SIGNALS[step % 3], after(step * 30.0 / 39.0)
        alive = interrupt(much_music, tmp_path / str(step), moment, number, send, within_s=10.0)
        assert alive == []


@pytest.mark.slow
@pytest.mark.timeout(300)
def test_an_interrupted_run_keeps_its_commits_and_resumes(music: Path, tmp_path: Path) -> None:
    command = [sys.executable, "-m", "genre_batch", "score", str(music), str(tmp_path), *SETTINGS, "shard_tracks=4"]
    command += ["--set", "batch_tracks=4"]
    run = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    while not list(tmp_path.glob("_runs/*/commits/*.json")):
        assert run.poll() is None
        time.sleep(0.01)
    run.terminate()
    run.communicate(timeout=300)
    assert run.returncode == 130
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert "unfinished" in done.stderr or "resum" in done.stderr


@pytest.mark.slow
@pytest.mark.timeout(300)
def test_a_run_ends_with_the_process_that_started_it(music: Path, tmp_path: Path) -> None:
    """Killing the process that a scheduler knows must not leave a child behind that continues to write."""
    command = [sys.executable, "-m", "genre_batch", "score", str(music), str(tmp_path)]
    run = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    while not (below := psutil.Process(run.pid).children()):
        time.sleep(0.01)
    time.sleep(1.0)
    run.kill()
    run.wait()
    alive = psutil.wait_procs(below, timeout=300)[1]
    assert alive == []


def test_a_command_under_nohup_survives_the_end_of_its_terminal(tmp_path: Path) -> None:
    program = "import time; from genre_batch.interrupts import supervise; supervise(lambda: time.sleep(1.5))"
    command = ["nohup", sys.executable, "-c", program]
    run = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    time.sleep(1.0)
    run.send_signal(signal.SIGHUP)
    assert run.wait(timeout=300) == 0


@pytest.mark.parametrize("code", [0, 1, 3, 4])
def test_the_exit_code_of_the_command_is_passed_on(code: int) -> None:
    program = f"import sys; from genre_batch.interrupts import supervise; supervise(lambda: sys.exit({code}))"
    assert subprocess.run([sys.executable, "-c", program], check=False).returncode == code


def test_a_killed_command_is_reported() -> None:
    program = "import os; from genre_batch.interrupts import supervise; supervise(lambda: os.kill(os.getpid(), 9))"
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=False)
    assert done.returncode == 1
    assert done.stderr.startswith("error: the process was ended by SIGKILL\nhint: start again")
    assert done.stderr.count("\n") == 2


def test_a_killed_command_is_reported_in_the_format_of_the_log() -> None:
    program = (
        "import os; from genre_batch.interrupts import log_as_json, supervise; log_as_json(True); "
        "supervise(lambda: os.kill(os.getpid(), 9))"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=False)
    assert done.returncode == 1
    (line,) = done.stderr.splitlines()
    entry = json.loads(line)
    assert (entry["level"], entry["message"]) == ("error", "the process was ended by SIGKILL")
    assert entry["hint"].startswith("start again to continue")


def test_orderly_work_is_asked_to_stop_and_may_clean_up(tmp_path: Path) -> None:
    done = tmp_path / "done"
    program = f"""
import pathlib, time
from genre_batch.interrupts import check, orderly, supervise

def work():
    with orderly():
        print("working", flush=True)
        try:
            while True:
                check()
                time.sleep(0.01)
        finally:
            time.sleep(0.5)
            pathlib.Path({str(done)!r}).touch()
    time.sleep(60)

supervise(work)
"""
    run = subprocess.Popen([sys.executable, "-c", program], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    assert run.stdout is not None
    assert run.stdout.readline() == "working\n"
    run.send_signal(signal.SIGTERM)
    _, stderr = run.communicate(timeout=300)
    assert (run.returncode, done.exists()) == (130, True)
    assert stderr.endswith(SENTENCE)


@pytest.mark.parametrize("shell_ends", ["while it runs", "before it starts"])
def test_a_command_of_a_ray_job_ends_with_the_shell_that_ray_stopped(tmp_path: Path, shell_ends: str) -> None:
    """Ray signals only the shell if that has not started the command yet, and calls the job stopped."""
    working, program = tmp_path / "working", tmp_path / "program.py"
    program.write_text(
        "import pathlib, time\n"
        "from genre_batch.interrupts import supervise\n"
        f"supervise(lambda: (pathlib.Path({str(working)!r}).touch(), time.sleep(60)))\n"
    )
    late = shell_ends == "before it starts"
    job = f"(sleep 1; exec {sys.executable} {program}) & exit" if late else f"{sys.executable} {program}; true"
    environment = os.environ | {"RAY_JOB_CONFIG_JSON_ENV_VAR": "{}"}
    command = ["sh", "-c", job]
    shell = subprocess.Popen(command, stderr=subprocess.PIPE, text=True, start_new_session=True, env=environment)
    if not late:
        while not working.exists():
            time.sleep(0.01)
        shell.terminate()
    _, stderr = shell.communicate(timeout=40)  # until the last process that has stderr has ended
    assert stderr == SENTENCE
    assert working.exists() != late
