"""The cost of a recipe's network on one CPU thread: in eager PyTorch, in the predictor, and in ONNX Runtime.

    python benchmarks/cnn.py [--recipe mel_cnn ...] [--repeats 7]

Each runs in a process of its own, taking turns on the predictor's batches: CPU milliseconds per segment (the least of
the repeats), the median ratio to eager PyTorch, the largest difference of the logits, and the CPU seconds and memory of
the start. The weights are random, since they do not affect the cost. Prints one JSON object.
"""

import os

os.environ |= {f"{library}_NUM_THREADS": "1" for library in ("OMP", "OPENBLAS", "MKL")}

import argparse
import json
import multiprocessing
import resource
import time
from multiprocessing.connection import Connection
from pathlib import Path

import numpy as np
import torch
from safetensors.torch import save

from genre_batch.config import load
from genre_batch.model.bundle import WEIGHTS_FILE, Bundle, load_bundle
from genre_batch.model.networks.build import build_network
from genre_batch.model.predictor import Predictor
from genre_batch.training.train_config import TrainConfig

CONFIGS = Path(__file__).parents[1] / "configs" / "train"
RUNTIMES = ("eager", "torch", "onnx")
VALUES = 4 * 128 * 1292


def recipe(name: str) -> TrainConfig:
    """The settings of a shipped recipe."""
    return load(TrainConfig, str(CONFIGS / f"{name}.yaml"), [], {"source": "noise", "output": "nowhere"})


def random_network(config: TrainConfig, genres: int) -> torch.nn.Module:
    """A network with random weights that are the same in all processes."""
    torch.manual_seed(0)
    return build_network(config.architecture, *config.front_end.segment_shape, genres).eval()


def serve(name: str, runtime: str, pipe: Connection) -> None:
    """Send the cost of the start; then, for each request, run the batch and send its CPU seconds and logits."""
    torch.set_num_threads(1)
    config = recipe(name)
    rows, columns = config.front_end.segment_shape
    size = min(64, max(1, VALUES // (rows * columns)))
    segments = np.random.default_rng(0).random((size, rows, columns), np.float32)
    shipped = load_bundle("default").manifest
    network = random_network(config, len(shipped.taxonomy.genres))
    start_s, start_kb = time.process_time(), resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    if runtime == "eager":
        logits = lambda: network(torch.from_numpy(segments).unsqueeze(1)).numpy()  # noqa: E731
    else:
        changed = {"architecture": config.architecture, "front_end": config.front_end}
        bundle = Bundle("random", shipped.model_copy(update=changed), {WEIGHTS_FILE: save(network.state_dict())})
        predictor = Predictor(bundle, device="cpu", runtime="onnx" if runtime == "onnx" else "torch")
        logits = lambda: predictor.logits(segments)  # noqa: E731
    with torch.inference_mode():
        logits()
        memory_kb = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - start_kb
        pipe.send((time.process_time() - start_s, memory_kb * 1024, size))
        while pipe.recv():
            begin_s = time.process_time()
            answer = logits()
            pipe.send((time.process_time() - begin_s, answer))


def measure(name: str, repeats: int) -> dict[str, object]:
    """The figures of one recipe."""
    context = multiprocessing.get_context("spawn")
    pipes, processes, starts = [], [], []
    for runtime in RUNTIMES:
        ours, theirs = context.Pipe()
        processes.append(context.Process(target=serve, args=(name, runtime, theirs), daemon=True))
        processes[-1].start()
        theirs.close()
        pipes.append(ours)
        starts.append(ours.recv())
    rounds = [[_ask(pipe) for pipe in pipes] for _ in range(repeats)]
    for pipe, process in zip(pipes, processes, strict=True):
        pipe.send(False)
        process.join()
    times_s = np.array([[spent_s for spent_s, _ in row] for row in rounds])
    size = starts[0][2]
    return {
        runtime: {
            "ms_a_segment": round(float(times_s[:, place].min()) * 1000 / size, 3),
            "ratio_to_eager": round(float(np.median(times_s[:, place] / times_s[:, 0])), 3),
            "largest_difference": float(np.abs(rounds[0][place][1] - rounds[0][0][1]).max()),
            "start_cpu_s": round(starts[place][0], 2),
            "start_bytes": starts[place][1],
        }
        for place, runtime in enumerate(RUNTIMES)
    } | {"batch_segments": size}


def _ask(pipe: Connection) -> tuple[float, np.ndarray]:
    pipe.send(True)
    spent_s, logits = pipe.recv()
    return spent_s, logits


def main() -> None:
    """Run the benchmark."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--recipe", nargs="+", default=["mel_cnn", "short_cnn", "mfcc_cnn", "spectrogram_cnn"])
    parser.add_argument("--repeats", type=int, default=7)
    arguments = parser.parse_args()
    print(json.dumps({name: measure(name, arguments.repeats) for name in arguments.recipe}, indent=1))


if __name__ == "__main__":
    main()
