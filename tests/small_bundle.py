"""A bundle small enough to build in a test, with weights that are the same on every machine."""

from pathlib import Path

import numpy as np
import torch
from safetensors.torch import load, save

from genre_batch.features.front_ends.log_mel import LogMelFrontEnd
from genre_batch.model.bundle import CANARIES_FILE, WEIGHTS_FILE, Bundle, load_bundle
from genre_batch.model.golden import make_golden
from genre_batch.model.manifest import BundleManifest
from genre_batch.model.networks.build import build_network
from genre_batch.model.networks.settings import MelCnnSettings
from genre_batch.model.predictor import Predictor
from genre_batch.model.scores import Calibration, Taxonomy
from genre_batch.model.write_bundle import write_bundle

MANIFEST = BundleManifest(
    name="small",
    architecture=MelCnnSettings(dense_channels=8),
    front_end=LogMelFrontEnd(n_mels=16, segment_frames=64, segment_hop_frames=32, mean=[-40.0] * 16, std=[15.0] * 16),
    taxonomy=Taxonomy(genres=["blues", "jazz", "rock"]),
    calibration=Calibration(temperature=1.5),
    metrics={"track accuracy": 0.5},
    training={"data": "none: the weights are made up"},
)


def fill_with_noise(network: torch.nn.Module) -> torch.nn.Module:
    """`network` with He-scaled random parameters from numpy, which do not depend on the version of torch."""
    random = np.random.default_rng(0)
    with torch.no_grad():
        for parameter in network.parameters():
            fan_in = max(1, parameter[0].numel())
            values = random.standard_normal(tuple(parameter.shape)) * np.sqrt(2.0 / fan_in)
            parameter.copy_(torch.from_numpy(values))
    return network.eval()


def weights_of(manifest: BundleManifest) -> bytes:
    network = build_network(manifest.architecture, *manifest.front_end.segment_shape, len(manifest.taxonomy.genres))
    return save(dict(fill_with_noise(network).state_dict()))


def with_another_head(name: str, folder: Path) -> str:
    """A copy of a bundle with a trunk, whose head gives the genres in the opposite order."""
    bundle = load_bundle(name)
    state = load(bundle.files[WEIGHTS_FILE])
    heads = {name: values.flip(0).contiguous() for name, values in state.items() if name.startswith("head.")}
    weights = {WEIGHTS_FILE: save(state | heads)}
    draft = Bundle(name, bundle.manifest, weights)
    golden = make_golden(draft, Predictor(draft, device="cpu"))
    return write_bundle(folder, bundle.manifest, weights, golden, bundle.files[CANARIES_FILE]).uri


def write_small_bundle(folder: Path, manifest: BundleManifest = MANIFEST) -> Bundle:
    """Write a complete bundle to `folder`."""
    weights = weights_of(manifest)
    draft = Bundle(str(folder), manifest, {WEIGHTS_FILE: weights})
    return write_bundle(folder, manifest, {WEIGHTS_FILE: weights}, make_golden(draft, Predictor(draft, device="cpu")))
