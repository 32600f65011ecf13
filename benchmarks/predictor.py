"""The speed of the predictor on a GPU (or on a CPU if there is none), compared with what the device can do.

    python benchmarks/predictor.py [--bundle default] [--tracks 2000] [--batch-tracks 32 256] [--batch-segments 64 256]
                                   [--device auto] [--compile none default reduce-overhead]
                                   [--flops fp32=67e12 bf16=989e12 fp16=989e12] [--bytes-per-s 4.8e12]

Runs blocks of noise from host memory to logits in host memory, including transfers, one batch of tracks at a time, in
each precision that the device supports and with each number of segments in a batch of the network; 0 is the predictor's
own. A block differs from the 63 before it. `--compile` gives modes of torch.compile for the network; `reduce-overhead`
is with CUDA graphs, `none` as it is shipped. Reports tracks per second, the share of segments with the same genre as in
fp32, and the roof's share of the time. The roof is the longer of two times: the network's operations at `--flops` of
that arithmetic, and reading its weights once per batch and its input once at `--bytes-per-s`. The defaults are those of
an H200; give the values of another device, or ignore the share. Needs neither Ray nor audio. Prints one JSON object.
"""

import argparse
import json
import time
from collections.abc import Callable
from itertools import product

import numpy as np
import torch
from torch.utils.flop_counter import FlopCounterMode

from genre_batch.features.segments import Segments
from genre_batch.model.bundle import WEIGHTS_FILE, Bundle, load_bundle
from genre_batch.model.networks.build import build_network
from genre_batch.model.predictor import Predictor
from genre_batch.model.staging import choose_device

H200 = {"fp32": 67e12, "bf16": 989e12, "fp16": 989e12}
"""Dense operations a second: fp32 without TF32, as the predictor runs it."""
MOST_BLOCKS = 64


def flops_a_segment(bundle: Bundle) -> int:
    """Operations of one forward pass as torch counts them: only convolutions and matrix products."""
    manifest = bundle.manifest
    shape = manifest.front_end.segment_shape
    network = build_network(manifest.architecture, *shape, len(manifest.taxonomy.genres)).eval()
    with FlopCounterMode(display=False) as counter, torch.no_grad():
        network(torch.zeros(1, 1, *shape))
    return counter.get_total_flops()


def compiled(predictor: Predictor, mode: str) -> Predictor:
    """`predictor`, with its network compiled by torch; `none` leaves it as it is."""
    if mode != "none":
        network = torch.compile(predictor._network, mode=mode)  # noqa: SLF001  # no setting is to offer what does not pay
        predictor._network = _Compiled(network)  # type: ignore[assignment]  # noqa: SLF001
    return predictor


class _Compiled:
    """A compiled network whose answers stay: CUDA graphs write those of all batches to the same memory."""

    def __init__(self, network: Callable[[torch.Tensor], tuple[torch.Tensor, ...]]) -> None:
        self._network = network

    def __call__(self, batch: torch.Tensor) -> tuple[torch.Tensor, ...]:
        torch.compiler.cudagraph_mark_step_begin()
        return tuple(answer.clone() for answer in self._network(batch))


def run(predictor: Predictor, blocks: list[Segments]) -> tuple[float, np.ndarray]:
    """Wall seconds for all blocks after a warm-up, and their logits. Reading numpy arrays waits for the GPU."""
    predictor.logits(blocks[0])
    start_s = time.perf_counter()
    logits = [predictor.logits(block) for block in blocks]
    return time.perf_counter() - start_s, np.concatenate(logits)


def noise(bundle: Bundle, tracks: int, batch_tracks: int) -> list[Segments]:
    """Blocks of the segments of `batch_tracks` tracks each, as stretches of one array."""
    front_end = bundle.manifest.front_end
    size, blocks = batch_tracks * front_end.max_segments, max(1, tracks // batch_tracks)
    shape = (size + min(blocks, MOST_BLOCKS), *front_end.segment_shape)
    values = np.random.default_rng(0).standard_normal(shape, np.float32).astype(front_end.dtype)
    return [values[start : start + size] for start in (number % MOST_BLOCKS for number in range(blocks))]


def roof_s(bundle: Bundle, segments: int, moved_bytes: int, flops: float, bytes_per_s: float) -> float:
    """The least time that a device of this speed takes."""
    return max(segments * flops_a_segment(bundle) / flops, moved_bytes / bytes_per_s)


def pairs(text: str) -> tuple[str, float]:
    """A precision and its operations a second."""
    name, _, value = text.partition("=")
    return name, float(value)


def main() -> None:
    """Run the benchmark."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--bundle", default="default")
    parser.add_argument("--tracks", type=int, default=2000)
    parser.add_argument("--batch-tracks", type=int, nargs="+", default=[32])
    parser.add_argument("--batch-segments", type=int, nargs="+", default=[0])
    parser.add_argument("--device", choices=["auto", "cpu", "cuda"], default="auto")
    parser.add_argument("--compile", choices=["none", "default", "reduce-overhead"], nargs="+", default=["none"])
    parser.add_argument("--flops", type=pairs, nargs="+", default=list(H200.items()))
    parser.add_argument("--bytes-per-s", type=float, default=4.8e12)
    given = parser.parse_args()
    bundle, device = load_bundle(given.bundle), choose_device(given.device)
    flops, on_gpu = H200 | dict(given.flops), device.type == "cuda"
    front_end, runs = bundle.manifest.front_end, list[dict[str, object]]()
    precisions = bundle.manifest.architecture.precisions if on_gpu else ("fp32",)
    for batch_tracks in given.batch_tracks:
        blocks = noise(bundle, given.tracks, batch_tracks)
        segments = sum(map(len, blocks))
        moved_bytes = sum(len(bundle.files[WEIGHTS_FILE]) + block.nbytes for block in blocks)
        exact: np.ndarray | None = None
        for mode, size, precision in product(given.compile, given.batch_segments, precisions):
            predictor = Predictor(bundle, given.device, precision, batch_segments=size or None)
            start_s = time.perf_counter()
            compiled(predictor, mode).logits(blocks[0])
            first_s = time.perf_counter() - start_s
            spent_s, logits = run(predictor, blocks)
            exact = logits if exact is None else exact
            facts: dict[str, object] = {
                "batch_tracks": batch_tracks,
                "batch_segments": size or "default",
                "precision": precision,
                "compile": mode,
                "first_block_s": round(first_s, 2),
                "tracks_per_s": round(segments / front_end.max_segments / spent_s, 1),
                "genres_of_fp32": round(float((logits.argmax(axis=1) == exact.argmax(axis=1)).mean()), 5),
            }
            if on_gpu:
                roof = roof_s(bundle, segments, moved_bytes, flops[precision], given.bytes_per_s)
                facts["share_of_roof"] = round(roof / spent_s, 4)
            runs.append(facts)
    facts = {
        "device": torch.cuda.get_device_name(0) if on_gpu else "cpu",
        "threads": torch.get_num_threads(),
        "architecture": bundle.manifest.architecture.name,
        "segments_a_track": front_end.max_segments,
        "runs": runs,
    }
    print(json.dumps(facts, indent=1))


if __name__ == "__main__":
    main()
