"""The script that Ray's documentation suggests: read_binary_files, map, map_batches, write_parquet.

    python benchmarks/user_scripts/ray_data.py SOURCE OUTPUT whole_file|window_only

Prints the seconds from after `ray.init` to the written table.
"""

import sys
import time

import kernel
import numpy as np
import ray

READ = {"whole_file": kernel.whole_file, "window_only": kernel.window_only}


class Predict:
    """One model per actor."""

    def __init__(self) -> None:
        self._model = kernel.Model()

    def __call__(self, batch: dict[str, np.ndarray]) -> dict[str, np.ndarray]:
        """Paths and genres of the batch."""
        genres = [self._model.genre(track) for track in batch["segments"]]
        return {"path": batch["path"], "genre": np.array(genres)}


def main(source: str, output: str, read: str) -> None:
    """Label the files of `source`."""
    ray.init(address="local", include_dashboard=False, log_to_driver=False)
    ray.data.DataContext.get_current().enable_progress_bars = False

    def features(row: dict[str, object]) -> dict[str, object]:
        data = row["bytes"]
        assert isinstance(data, bytes)
        return {"path": row["path"], "segments": kernel.segments(READ[read](kernel.opened(data)))}

    start_s = time.monotonic()
    files = ray.data.read_binary_files(source, include_paths=True)
    files.map(features).map_batches(Predict, concurrency=1, batch_size=32, num_cpus=0).write_parquet(output)
    print(time.monotonic() - start_s)


if __name__ == "__main__":
    main(*sys.argv[1:])
