"""Runtimes for the default model's network on one CPU thread, and what a track costs in all.

    python benchmarks/trunk_runtimes.py LABELLED WORK [--repeats 7] [--segments 120] [--compile]

All take turns in one process on segments of real music, so trust the ratios. The first table has, for each runtime, the
CPU milliseconds for ten segments (medians, of forty at once), the ratio to the predictor's, and how its answers to
`--segments` segments differ: the share with another label, and the largest difference of a probability. Runtimes whose
library is missing are left out; `--compile` adds torch.compile, which needs a C++ compiler and a minute. The second
table has the CPU milliseconds of a track, a WAV of three minutes, from its bytes to its answer, with as many segments
as each model hears of it. Features are kept below WORK.
"""

import os

os.environ |= {f"{library}_NUM_THREADS": "1" for library in ("OMP", "OPENBLAS", "MKL", "NUMBA")}

import argparse
import io
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import onnxruntime
import soundfile
import torch

from genre_batch.catalog.corpora import read_corpus
from genre_batch.features.segments import Segments
from genre_batch.features.track_segments import extract_segments
from genre_batch.model.bundle import Bundle, load_bundle
from genre_batch.model.network_runtime import export_to_onnx
from genre_batch.model.predictor import Predictor, load_network
from genre_batch.model.scores import Floats, softmax
from genre_batch.training.corpus import read_training_corpus
from genre_batch.training.dataset import as_segments, extract_here

Run = Callable[[Segments], Floats]
TEN, FIVE = 10, 5
TRACKS = 4
"""Their segments go to the network together, as in a run: the last batch of one track alone would be half empty."""


def in_onnx(model: bytes) -> Run:
    """ONNX Runtime, one segment at a time, as `predict.runtime: onnx`."""
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = options.inter_op_num_threads = 1
    options.log_severity_level = 4
    session = onnxruntime.InferenceSession(model, options, providers=["CPUExecutionProvider"])
    return lambda segments: np.concatenate([session.run(None, {"segment": each[None, None]})[0] for each in segments])


def in_openvino(model: bytes, precision: str) -> Run:
    """OpenVINO on one thread, one segment at a time."""
    import openvino

    core = openvino.Core()
    settings = {"INFERENCE_NUM_THREADS": 1, "NUM_STREAMS": 1, "INFERENCE_PRECISION_HINT": precision}
    compiled = core.compile_model(core.read_model(io.BytesIO(model)), "CPU", settings)
    return lambda segments: np.concatenate([compiled(each[None, None])[0].copy() for each in segments])


def in_integers(model: bytes, work: Path, examples: Segments) -> Iterator[tuple[str, bytes]]:
    """The model with 8-bit weights, and with 8-bit weights and values calibrated on `examples`."""
    from onnxruntime.quantization import CalibrationDataReader, QuantType, quantize_dynamic, quantize_static
    from onnxruntime.quantization.shape_inference import quant_pre_process

    class Examples(CalibrationDataReader):
        def __init__(self) -> None:
            self._left = iter(examples)

        def get_next(self) -> dict[str, np.ndarray] | None:
            found = next(self._left, None)
            return None if found is None else {"segment": found[None, None]}

    plain, made, out = work / "plain.onnx", work / "made.onnx", work / "int8.onnx"
    plain.write_bytes(model)
    quant_pre_process(str(plain), str(made), skip_symbolic_shape=True)
    quantize_dynamic(str(made), str(out), weight_type=QuantType.QUInt8)
    yield "dynamic int8", out.read_bytes()
    kinds = ["Conv", "MatMul", "Gemm"]
    quantize_static(str(made), str(out), Examples(), op_types_to_quantize=kinds, per_channel=True)
    yield "static int8", out.read_bytes()


def runtimes(bundle: Bundle, work: Path, examples: Segments, *, compiled: bool) -> Iterator[tuple[str, Run]]:
    """Each runtime by name; the predictor's own first."""
    yield "the predictor (torch)", Predictor(bundle, device="cpu").logits
    network = load_network(bundle)
    yield "eager torch, as written", in_torch(network)
    rows, columns = bundle.manifest.front_end.segment_shape
    model = export_to_onnx(network, torch.zeros(1, 1, rows, columns))
    last = torch.nn.Module.to(load_network(bundle), memory_format=torch.channels_last)
    yield "eager torch, channels last", in_torch(last)
    if compiled:
        import torch._inductor.config as inductor

        inductor.freezing = True
        yield "torch.compile, frozen", in_torch(torch.compile(load_network(bundle)))
    yield "ONNX Runtime", in_onnx(model)
    integers = list(in_integers(model, work, examples))
    for name, changed in integers:
        yield f"ONNX Runtime, {name}", in_onnx(changed)
    try:
        yield "OpenVINO", in_openvino(model, "f32")
        yield "OpenVINO, bf16", in_openvino(model, "bf16")
        yield "OpenVINO, static int8", in_openvino(integers[-1][1], "f32")
    except ImportError:
        sys.stderr.write("openvino is not installed\n")


def in_torch(network: torch.nn.Module) -> Run:
    """A network in eager torch or compiled, five segments at a time, so that one shape is compiled."""

    def run(segments: Segments) -> Floats:
        with torch.inference_mode():
            parts = [network(part.contiguous()) for part in torch.from_numpy(segments).unsqueeze(1).split(FIVE)]
            return torch.cat(parts).numpy()

    return run


def cpu_ms(work: Callable[[], object]) -> float:
    """CPU milliseconds of one call."""
    start_s = time.process_time()
    work()
    return 1000.0 * (time.process_time() - start_s)


def in_turns(runs: dict[str, Callable[[], object]], repeats: int) -> dict[str, np.ndarray]:
    """The CPU milliseconds of each call, [repeats], after one call that does not count."""
    for run in runs.values():
        run()
    rounds = [{name: cpu_ms(run) for name, run in runs.items()} for _ in range(repeats)]
    return {name: np.array([each[name] for each in rounds]) for name in runs}


def network_table(bundle: Bundle, segments: Segments, work: Path, repeats: int, *, compiled: bool) -> Iterator[str]:
    """The lines of the first table."""
    calibrating, measured = segments[::2], segments[1::2]
    found = dict(runtimes(bundle, work, calibrating, compiled=compiled))
    genres, temperature = len(bundle.manifest.taxonomy.genres), bundle.manifest.calibration.temperature
    answers = {name: softmax(run(measured)[:, :genres], temperature) for name, run in found.items()}
    ten = in_turns({name: lambda run=run: run(segments[: TRACKS * TEN]) for name, run in found.items()}, repeats)
    first, expected = next(iter(found)), next(iter(answers.values()))
    yield "| runtime | ten segments, ms | ratio | other label | largest difference of a probability |"
    yield "|---" * 5 + "|"
    for name in found:
        ratio = np.median(ten[name] / ten[first])
        other = (answers[name].argmax(axis=1) != expected.argmax(axis=1)).mean()
        difference = np.abs(answers[name] - expected).max()
        yield f"| {name} | {np.median(ten[name]) / TRACKS:.1f} | {ratio:.2f} | {other:.3f} | {difference:.1g} |"


def track_table(bundles: dict[str, tuple[str, str]], repeats: int) -> Iterator[str]:
    """The lines of the second table: bundles, with their runtimes, by the name of the row."""
    rng, stream = np.random.default_rng(0), io.BytesIO()
    sound = np.cumsum(rng.normal(0.0, 0.01, (44_100 * 180, 2)), axis=0)
    soundfile.write(stream, np.sin(sound), 44_100, format="WAV", subtype="PCM_16")
    size = len(stream.getvalue())
    parts, heard = dict[str, Callable[[], object]](), dict[str, int]()
    for name, (uri, runtime) in bundles.items():
        bundle = load_bundle(uri)
        front_end = bundle.manifest.front_end
        segments = extract_segments(io.BytesIO(stream.getvalue()), size, "a.wav", front_end).segments
        predictor = Predictor(bundle, device="cpu", runtime="onnx" if runtime == "onnx" else "torch")
        parts[f"{name}, audio"] = lambda front_end=front_end: extract_segments(stream, size, "a.wav", front_end)
        block, heard[name] = np.tile(segments, (TRACKS, 1, 1)), len(segments)
        parts[f"{name}, network"] = lambda predictor=predictor, block=block: predictor.logits(block)
    found = in_turns(parts, repeats)
    found = {name: times / (1 if name.endswith("audio") else TRACKS) for name, times in found.items()}
    first = next(iter(bundles))
    base = found[f"{first}, audio"] + found[f"{first}, network"]
    yield "| model | segments | audio to segments, ms | network | sum | more than the first | times the first |"
    yield "|---" * 7 + "|"
    for name in bundles:
        audio, network = found[f"{name}, audio"], found[f"{name}, network"]
        figures = audio, network, audio + network, audio + network - base
        cells = " | ".join(f"{np.median(each):.0f}" for each in figures)
        yield f"| {name} | {heard[name]} | {cells} | {np.median((audio + network) / base):.2f} |"


def main() -> None:
    """Print both tables."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("labelled")
    parser.add_argument("work", type=Path)
    parser.add_argument("--repeats", type=int, default=7)
    parser.add_argument("--segments", type=int, default=120)
    parser.add_argument("--compile", action="store_true")
    given = parser.parse_args()
    torch.set_num_threads(1)
    bundle = load_bundle("default")
    front_end = bundle.manifest.front_end
    corpus = read_training_corpus(read_corpus(given.labelled), front_end, extract_here, given.work / "features", "skip")
    every = [as_segments(pieces, front_end)[0] for pieces in corpus.pieces]
    segments = np.stack(every[:: max(1, len(every) // given.segments)]).astype(np.float32)
    bundles = {f"`{name}`": (name, "torch") for name in ("cheap", "one-window", "default")}
    bundles["`default`, onnx"] = ("default", "onnx")
    for line in track_table(bundles, given.repeats):
        sys.stdout.write(line + "\n")
    for line in network_table(bundle, segments, given.work, given.repeats, compiled=given.compile):
        sys.stdout.write(line + "\n")
        sys.stdout.flush()


if __name__ == "__main__":
    main()
