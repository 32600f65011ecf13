"""What a run has used."""

import subprocess
import sys
import time

import pytest

from genre_batch.engine.usage import Usage
from genre_batch.stages.stage import StageReport


def test_reports_add_up() -> None:
    usage = Usage()
    usage.add(StageReport((), cpu_s=1.5, bytes_read=10, reads=2))
    usage.add(StageReport((), cpu_s=0.25))
    assert (usage.bytes_read, usage.reads, usage.actors_cpu_s) == (10, 2, 1.75)


def test_time_runs_from_the_first_batch_to_the_last_commit() -> None:
    usage = Usage()
    assert (usage.start_s, usage.work_s) == (0.0, 0.0)
    usage.sent()
    first_s = usage.first_sent_s
    time.sleep(0.01)
    usage.sent()
    usage.committed(3)
    usage.committed(2)
    assert usage.first_sent_s == first_s
    assert usage.tracks == 5
    assert 0.01 <= usage.work_s < 5.0
    assert usage.start_s == first_s - usage.made_s if first_s else False


def test_on_a_cluster_of_its_own_the_run_counts_its_child_processes() -> None:
    code = "import time\nwhile time.process_time() < 0.5: pass\nprint(flush=True)\ninput()"
    usage = Usage()
    child = subprocess.Popen([sys.executable, "-c", code], stdin=subprocess.PIPE, stdout=subprocess.PIPE)
    assert child.stdout is not None
    child.stdout.readline()
    usage.close(own_cluster=True)
    assert 0.45 <= usage.cpu_s < 5.0
    child.communicate(b"\n")


def test_on_a_cluster_of_others_it_counts_itself_and_what_the_actors_report() -> None:
    usage = Usage(actors_cpu_s=100.0)
    usage.close(own_cluster=False)
    assert usage.cpu_s == pytest.approx(100.0, abs=0.5)


def test_runs_of_one_pass_have_its_use_and_their_own_tracks() -> None:
    usage = Usage()
    usage.add(StageReport((), cpu_s=1.5, bytes_read=10, reads=2))
    usage.committed(5)
    own = usage.of_run(3)
    assert (own.tracks, own.bytes_read, own.made_s) == (3, 10, usage.made_s)
    assert usage.tracks == 5
