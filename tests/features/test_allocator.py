"""Freed memory is reused instead of being faulted in again."""

import subprocess
import sys

import pytest

_PROGRAM = """
import resource, sys
import numpy as np
from genre_batch.features.allocator import keep_freed_memory

if sys.argv[1] == "keep":
    assert keep_freed_memory(block_bytes=1 << 30, total_bytes=1 << 30)
for number in range(12):
    if number == 2:
        before = resource.getrusage(resource.RUSAGE_SELF).ru_minflt
    np.ones(25_000_000, np.float32)
print(resource.getrusage(resource.RUSAGE_SELF).ru_minflt - before)
"""


def page_faults(mode: str) -> int:
    done = subprocess.run(
        [sys.executable, "-c", _PROGRAM, mode], check=True, capture_output=True, text=True, timeout=300
    )
    return int(done.stdout)


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="the setting is glibc's")
def test_large_arrays_reuse_the_pages_of_those_before_them() -> None:
    assert page_faults("keep") < page_faults("default") / 10
