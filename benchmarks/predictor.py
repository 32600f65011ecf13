"""The speed of the predictor on a GPU (or on a CPU if there is none), compared with what the device can do.

    python benchmarks/predictor.py [--bundle default] [--tracks 2000] [--batch-tracks 32]
                                   [--flops 67e12] [--bytes-per-s 4.8e12]

Runs blocks of noise from host memory to logits in host memory, including transfers, one batch of tracks at a time, in
each precision that the device supports. Reports tracks per second, the share of segments with the same genre as in
fp32, and the floor's share of the fp32 time. The floor is the longer of two times: the network's operations at
`--flops`, and reading its weights once per batch and its input once at `--bytes-per-s`. The defaults are those of an
H200 in fp32; give the values of another device, or ignore the share. Needs neither Ray nor audio. Prints one JSON
object.
"""

import argparse
import json
import time

import numpy as np
import torch
from torch.utils.flop_counter import FlopCounterMode

from genre_batch.features.segments import Segments
from genre_batch.model.bundle import WEIGHTS_FILE, Bundle, load_bundle
from genre_batch.model.devices import Precision
from genre_batch.model.networks.build import build_network
from genre_batch.model.predictor import Predictor


def flops_a_segment(bundle: Bundle) -> int:
    """Operations of one forward pass as torch counts them: only convolutions and matrix products."""
    manifest = bundle.manifest
    shape = manifest.front_end.segment_shape
    network = build_network(manifest.architecture, *shape, len(manifest.taxonomy.genres)).eval()
    with FlopCounterMode(display=False) as counter, torch.no_grad():
        network(torch.zeros(1, 1, *shape))
    return counter.get_total_flops()


def run(predictor: Predictor, blocks: list[Segments]) -> tuple[float, np.ndarray]:
    """Wall seconds for all blocks after a warm-up, and their logits. Reading numpy arrays waits for the GPU."""
    predictor.logits(blocks[0])
    start_s = time.perf_counter()
    logits = [predictor.logits(block) for block in blocks]
    return time.perf_counter() - start_s, np.concatenate(logits)


def main() -> None:
    """Run the benchmark."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--bundle", default="default")
    parser.add_argument("--tracks", type=int, default=2000)
    parser.add_argument("--batch-tracks", type=int, default=32)
    parser.add_argument("--flops", type=float, default=67e12)
    parser.add_argument("--bytes-per-s", type=float, default=4.8e12)
    given = parser.parse_args()
    bundle, on_gpu = load_bundle(given.bundle), torch.cuda.is_available()
    front_end = bundle.manifest.front_end
    rng = np.random.default_rng(0)
    shape = (given.batch_tracks * front_end.max_segments, *front_end.segment_shape)
    blocks = [rng.standard_normal(shape).astype(front_end.dtype)] * max(1, given.tracks // given.batch_tracks)
    segments = len(blocks) * shape[0]
    moved = len(blocks) * (len(bundle.files[WEIGHTS_FILE]) + blocks[0].nbytes)
    floor_s = max(segments * flops_a_segment(bundle) / given.flops, moved / given.bytes_per_s)
    precisions: tuple[Precision, ...] = ("fp32", "bf16", "fp16") if on_gpu else ("fp32",)
    answers: dict[str, np.ndarray] = {}
    facts: dict[str, object] = {
        "device": torch.cuda.get_device_name(0) if on_gpu else "cpu",
        "threads": torch.get_num_threads(),
        "architecture": bundle.manifest.architecture.name,
        "segments_a_track": front_end.max_segments,
        "segments": segments,
    }
    for precision in precisions:
        spent_s, answers[precision] = run(Predictor(bundle, precision=precision), blocks)
        same = (answers[precision].argmax(axis=1) == answers["fp32"].argmax(axis=1)).mean()
        facts[precision] = {
            "tracks_per_s": round(segments / front_end.max_segments / spent_s, 1),
            "genres_of_fp32": round(float(same), 5),
        }
        if on_gpu and precision == "fp32":
            facts["share_of_floor"] = round(floor_s / spent_s, 4)
    print(json.dumps(facts, indent=1))


if __name__ == "__main__":
    main()
