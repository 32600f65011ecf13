"""A script without Ray: two processes, librosa decodes the window, eager torch, one Parquet file.

    python benchmarks/user_scripts/process_pool.py SOURCE OUTPUT

Prints the seconds from the start to the written table, without the import of the libraries.
"""

import sys
import time
from multiprocessing import get_context
from pathlib import Path

import kernel
import pandas as pd
import torch

PROCESSES = 2
MODEL: list[kernel.Model] = []


def start() -> None:
    """Limit the process to one thread, and load its model."""
    torch.set_num_threads(1)
    MODEL.append(kernel.Model())


def label(path: str) -> tuple[str, str]:
    """A path and its genre."""
    return path, MODEL[0].genre(kernel.segments(kernel.window_only(path)))


def main(source: str, output: str) -> None:
    """Label the files of `source`."""
    start_s = time.monotonic()
    with get_context("spawn").Pool(PROCESSES, initializer=start) as pool:
        rows = pool.map(label, sorted(map(str, Path(source).iterdir())), chunksize=4)
    Path(output).mkdir(parents=True)
    pd.DataFrame(rows, columns=["path", "genre"]).to_parquet(Path(output) / "genres.parquet")
    print(time.monotonic() - start_s)


if __name__ == "__main__":
    main(*sys.argv[1:])
