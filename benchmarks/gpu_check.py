"""Everything that only a machine with a GPU can show, checked and measured by one command in less than ten minutes.

    python benchmarks/gpu_check.py [--bundle default] [--device cuda] [--only tests batches precisions ...]

The steps: the tests marked `gpu`; whether a segment's answer depends on its batch; whether bf16 and fp16 give the
labels of fp32 for 99.9 % of synthesised tracks; whether the predictor as it is shipped reaches 20,000 tracks/s, beside
its roof and larger batches (`predictor.py`); a whole run on a local Ray whose predict actor holds the GPU, compared
with the same on the CPU; training in bf16; and the predictor with torch.compile and CUDA graphs. Prints one JSON object
with each step's figures, seconds and verdict. Exit code 0: all is well, 1: something is not, 2: there is no GPU. All
steps together have ten minutes: each is a process of its own, which is ended when they are over, and the next ones are
left out. `--device cpu` rehearses the script on any machine, with small sizes; its figures say nothing about GPUs.
"""

import argparse
import json
import os
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass
from io import BytesIO
from itertools import cycle, islice
from pathlib import Path
from typing import Literal, TypeAlias

import numpy as np
import torch

from genre_batch import table
from genre_batch.demo.catalog import SampleTrack, rendered
from genre_batch.demo.encode import Encoding
from genre_batch.demo.synthesis import STYLES
from genre_batch.features.segments import Segments
from genre_batch.features.track_segments import extract_segments
from genre_batch.model.bundle import Bundle, load_bundle
from genre_batch.model.devices import Precision
from genre_batch.model.predictor import Predictor
from genre_batch.model.scores import Floats, pooled_answers

ROOT = Path(__file__).parents[1]
LIMIT_S = 600.0
ENOUGH = 0.999
AIM_TRACKS_PER_S = 20_000.0
Figures: TypeAlias = dict[str, object]


@dataclass(frozen=True)
class Check:
    """What the steps need. tracks: for labels. scored: for the run. sizes: of batches, in segments. blocks: in tracks.

    swept: tracks for each speed. trained: for training. ends_s: when time is up.
    """

    bundle: str
    device: Literal["cpu", "cuda"]
    tracks: int
    scored: int
    sizes: tuple[int, ...]
    blocks: tuple[int, ...]
    swept: int
    trained: int
    ends_s: float

    def output_of(self, *command: str) -> str:
        """What a command of this Python prints. Raises CalledProcessError or TimeoutExpired."""
        environment = os.environ | {"RAY_ADDRESS": "local", "PYTHONPATH": str(ROOT)}
        left_s = max(1.0, self.ends_s - time.monotonic())
        return subprocess.run(
            (sys.executable, *command),
            env=environment,
            cwd=ROOT,
            timeout=left_s,
            check=True,
            capture_output=True,
            text=True,
        ).stdout


def made_tracks(count: int, first_seed: int) -> list[SampleTrack]:
    """Tracks of all styles in turn, half a minute each."""
    styles = islice(cycle(STYLES), count)
    return [
        SampleTrack(f"{number:05d}-{style}.wav", style, first_seed + number, 30.0, Encoding.WAV, 22_050, 1)
        for number, style in enumerate(styles)
    ]


def segments_of(bundle: Bundle, count: int) -> list[Segments]:
    """The segments of synthesised tracks."""
    front_end = bundle.manifest.front_end
    return [
        extract_segments(BytesIO(content), len(content), track.key, front_end).segments
        for track, content in rendered(made_tracks(count, 5000))
    ]


def tests(check: Check) -> tuple[bool, Figures]:
    """The tests marked `gpu`; in a rehearsal they are skipped."""
    files = sorted(str(p) for p in (ROOT / "tests").rglob("test_*.py") if "mark.gpu" in p.read_text(encoding="utf-8"))
    last = check.output_of("-m", "pytest", "-q", "-m", "gpu", *files).strip().splitlines()[-1]
    return check.device == "cpu" or "passed" in last, {"files": len(files), "result": last}


def batches(check: Check) -> tuple[bool, Figures]:
    """Whether a segment has the same bits alone, among others, in another order and in another place."""
    bundle, found = load_bundle(check.bundle), Figures()
    rows, columns = bundle.manifest.front_end.segment_shape
    shape = (2 * max(check.sizes) + 5, rows, columns)
    wanted = np.random.default_rng(3).standard_normal(shape).astype(bundle.manifest.front_end.dtype)
    for precision in bundle.manifest.architecture.precisions:
        predictor = Predictor(bundle, check.device, precision)
        together = predictor.logits(wanted)
        others = {
            "alone": np.concatenate([predictor.logits(wanted[row : row + 1]) for row in range(9)]),
            "reversed": predictor.logits(wanted[::-1])[::-1],
            "elsewhere": np.concatenate([together[:3], predictor.logits(wanted[3:])]),
        }
        found[precision] = {
            name: float(np.abs(logits - together[: len(logits)]).max()) for name, logits in others.items()
        }
    return not any(any(differences.values()) for differences in found.values()), {"largest_difference": found}


def precisions(check: Check) -> tuple[bool, Figures]:
    """The share of tracks with the label of fp32."""
    bundle = load_bundle(check.bundle)
    tracks = segments_of(bundle, check.tracks)
    exact = labels(bundle, check, "fp32", tracks)
    others = bundle.manifest.architecture.precisions[1:]
    found = {name: float((labels(bundle, check, name, tracks) == exact).mean()) for name in others}
    facts = {"tracks": len(tracks), "labels": len(np.unique(exact)), "labels_of_fp32": found}
    return min(found.values(), default=1.0) >= ENOUGH, facts


def labels(bundle: Bundle, check: Check, precision: Precision, tracks: list[Segments]) -> np.ndarray:
    """The most probable genre of each track, [n]."""
    together = np.concatenate(tracks)
    owners = np.repeat(np.arange(len(tracks), dtype=np.int32), [len(segments) for segments in tracks])
    logits: Floats = Predictor(bundle, check.device, precision).logits(together)
    manifest = bundle.manifest
    loudness, temperature = manifest.loudness(together), manifest.calibration.temperature
    return pooled_answers(logits, loudness, owners, len(tracks), temperature).argmax(axis=1)


def predictor(check: Check) -> tuple[bool, Figures]:
    """Whether the predictor as it is shipped reaches the aim, beside larger blocks, larger batches and the roof."""
    figures = speeds(check, "--batch-segments", "0", *map(str, check.sizes))
    return check.device == "cpu" or figures["shipped_reaches_the_aim"] is True, figures


def compiled(check: Check) -> tuple[bool, Figures]:
    """Whether torch.compile, alone and with CUDA graphs, gives the labels of the network as it is."""
    figures = speeds(check, "--compile", "none", "default", "reduce-overhead")
    same = min(run["genres_of_fp32"] for run in figures["runs"] if run["precision"] == "fp32")  # type: ignore[attr-defined]
    return same >= ENOUGH, figures


def speeds(check: Check, *options: str) -> Figures:
    """What `predictor.py` finds with these options, and what that says about the aim."""
    blocks = [str(size) for size in check.blocks]
    command = ("benchmarks/predictor.py", "--bundle", check.bundle, "--tracks", str(check.swept), "--batch-tracks")
    figures: Figures = json.loads(check.output_of(*command, *blocks, *options, "--device", check.device))
    return figures | judged(figures["runs"])  # type: ignore[arg-type]


def judged(runs: list[Figures]) -> Figures:
    """The fastest of `runs`, and of those that work as the shipped predictor does, beside the aim."""
    shipped = [run for run in runs if run["batch_segments"] == "default" and run["compile"] == "none"]
    best, own = (max(found, key=lambda run: float(str(run["tracks_per_s"]))) for found in (runs, shipped))
    reaches = float(str(own["tracks_per_s"])) >= AIM_TRACKS_PER_S
    return {"aim": AIM_TRACKS_PER_S, "shipped_reaches_the_aim": reaches, "shipped": own, "fastest": best}


def run(check: Check) -> tuple[bool, Figures]:
    """The share of tracks whose label from an actor on the GPU is that of one on the CPU."""
    with tempfile.TemporaryDirectory() as folder:
        music = Path(folder) / "music"
        music.mkdir()
        for track, content in rendered(made_tracks(check.scored, 9000)):
            (music / track.key).write_bytes(content)
        on_gpu = ("predict.device=cuda", "predict.num_gpus=1") if check.device == "cuda" else ("predict.device=cpu",)
        rate: float = scored(check, music, f"{folder}/there", *on_gpu)["tracks_per_s"]  # type: ignore[assignment]
        scored(check, music, f"{folder}/here", "predict.device=cpu")
        there, here = (table.latest(f"{folder}/{name}", columns=["track_id", "top_k"]) for name in ("there", "here"))
    genres = [[pairs[0]["genre"] for pairs in found.sort_values("track_id")["top_k"]] for found in (there, here)]
    same = float(np.mean([a == b for a, b in zip(*genres, strict=True)]))
    return same >= ENOUGH, {"tracks": len(there), "labels_of_the_cpu": same, "tracks_per_s": rate}


def scored(check: Check, music: Path, output: str, *settings: str) -> Figures:
    """The report of a run."""
    chosen = ("predict.placement=separate", f"bundle={check.bundle}", *settings)
    words = [word for setting in chosen for word in ("--set", setting)]
    report: Figures = json.loads(check.output_of("-m", "genre_batch", "score", str(music), output, "--json", *words))
    return report


def training(check: Check) -> tuple[bool, Figures]:
    """`train.py`, which trains in bf16 on a GPU."""
    command = ("benchmarks/train.py", "--tracks", str(check.trained), "--epochs", "3")
    figures: Figures = json.loads(check.output_of(*command))
    return figures["precision"] == ("bf16" if check.device == "cuda" else "fp32"), figures


STEPS: dict[str, Callable[[Check], tuple[bool, Figures]]] = {
    step.__name__: step for step in (tests, batches, precisions, predictor, run, training, compiled)
}


def step(name: str, check: Check) -> Figures:
    """What one step found, with its verdict. This is what its process does."""
    try:
        well, figures = STEPS[name](check)
    except subprocess.CalledProcessError as error:
        well, figures = False, {"error": (error.stderr or error.stdout).strip()[-2000:]}
    except Exception as error:  # noqa: BLE001  # whatever it is, the other steps are worth their seconds
        well, figures = False, {"error": f"{type(error).__name__}: {error}"}
    return {"well": well, **figures}


def in_time(name: str, command: list[str], ends_s: float) -> Figures:
    """What the process of a step prints, and its seconds. It is ended with all of its children when time is up."""
    start_s = time.monotonic()
    figures: Figures = {"well": False, "error": "the time was over before it began"}
    if start_s < ends_s:
        process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True, cwd=ROOT, start_new_session=True)
        try:
            printed, _ = process.communicate(timeout=ends_s - start_s)
            figures = json.loads(printed) if printed else {"well": False, "error": f"exit code {process.returncode}"}
        except subprocess.TimeoutExpired:
            os.killpg(process.pid, signal.SIGKILL)
            process.communicate()
            figures = {"well": False, "error": "the time was over before it ended"}
    took_s = round(time.monotonic() - start_s, 1)
    print(f"{name}: {'passed' if figures['well'] else 'FAILED'}, {took_s} s", file=sys.stderr, flush=True)
    return {"took_s": took_s, **figures}


def main() -> int:
    """Run the steps, and print what they found. Returns the exit code."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--bundle", default="default")
    parser.add_argument("--device", choices=["cuda", "cpu"], default="cuda")
    parser.add_argument("--only", nargs="+", choices=list(STEPS), default=list(STEPS))
    parser.add_argument("--limit-s", type=float, default=LIMIT_S)
    parser.add_argument("--within", choices=list(STEPS), help=argparse.SUPPRESS)
    given = parser.parse_args()
    if given.device == "cuda" and not torch.cuda.is_available():
        print("There is no GPU that torch can use; --device cpu rehearses this script without one.", file=sys.stderr)
        return 2
    ends_s = time.monotonic() + given.limit_s
    if given.device == "cuda":
        check = Check(given.bundle, "cuda", 2000, 200, (256, 1024), (64, 256), 20_000, 400, ends_s)
        device = torch.cuda.get_device_name(0)
    else:
        check = Check(given.bundle, "cpu", 8, 8, (2, 4), (2, 4), 8, 16, ends_s)
        device = "cpu"
    if given.within:
        print(json.dumps(step(given.within, check)))
        return 0
    found: dict[str, Figures] = {}
    for name in given.only:
        left_s = ends_s - time.monotonic()
        options = ["--bundle", given.bundle, "--device", given.device, "--within", name, "--limit-s", str(left_s)]
        found[name] = in_time(name, [sys.executable, str(Path(__file__).absolute()), *options], ends_s)
    well = all(figures["well"] for figures in found.values())
    print(json.dumps({"device": device, "rehearsal": given.device == "cpu", "well": well, "steps": found}, indent=1))
    return 0 if well else 1


if __name__ == "__main__":
    sys.exit(main())
