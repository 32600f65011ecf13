"""The input of the chaos rounds: short, distinct tracks, some that cannot be scored, and a model bundle."""

from pathlib import Path

import audio_samples
from exported_models import linear_onnx

from genre_batch.features.front_ends.log_mel import LogMelFrontEnd
from genre_batch.model.architecture import OnnxSettings
from genre_batch.model.bundle import Bundle
from genre_batch.model.golden import make_golden
from genre_batch.model.manifest import BundleManifest
from genre_batch.model.open_predictor import open_predictor
from genre_batch.model.scores import Taxonomy
from genre_batch.model.write_bundle import write_bundle

_SAMPLE_RATE = 22_050
_FRONT_END = LogMelFrontEnd(n_mels=128, segment_frames=128, segment_hop_frames=32)
_MANIFEST = BundleManifest(
    name="chaos",
    architecture=OnnxSettings(layout="BHW"),
    front_end=_FRONT_END,
    taxonomy=Taxonomy(genres=["blues", "jazz", "rock"]),
)


def write_music(folder: Path, tracks: int) -> None:
    """Write `tracks` tracks of 4 to 6 s in three formats; one in fifty cannot be scored."""
    folder.mkdir()
    for number in range(tracks):
        encoding = ("wav", "flac", "mp3")[number % 3]
        data = b"no music" * number
        if number % 50 != 7:
            sound = audio_samples.chirp(4 + number % 3, _SAMPLE_RATE, 1, seed=number, noise=0.001 * (number + 1))
            data = audio_samples.encode(sound, _SAMPLE_RATE, encoding)
        (folder / f"{number:04d}.{encoding}").write_bytes(data)


def write_small_bundle(folder: Path) -> None:
    """Write the bundle of a linear model that starts quickly, with blocks too large for Ray to inline in replies."""
    rows, columns = _FRONT_END.segment_shape
    weights = {"model.onnx": linear_onnx(["B", rows, columns], rows * columns, 3)}
    draft = Bundle(str(folder), _MANIFEST, weights)
    write_bundle(folder, _MANIFEST, weights, make_golden(draft, open_predictor(draft, device="cpu")))
