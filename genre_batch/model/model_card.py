"""The README.md of a bundle, made of the facts in its manifest."""

from genre_batch.features.front_end import (
    DescriptorFrontEnd,
    FrontEnd,
    ImageFrontEnd,
    LogMelFrontEnd,
    MfccFrontEnd,
    WaveformFrontEnd,
)
from genre_batch.model.bundle import Bundle
from genre_batch.model.manifest import BundleManifest

_LEAKY = (
    "**LEAKY FIGURES**: pieces of one track stood on both sides of the split. They show what a wrong evaluation makes "
    "of a model, and say nothing about music that it never heard."
)


def render_card(bundle: Bundle) -> str:
    """Markdown that says what the model answers, how it was made, how good it was measured to be, what it hears."""
    manifest = bundle.manifest
    sections = [
        f"# {manifest.name}",
        f"Fingerprint `{bundle.fingerprint}`.",
        "## What it answers\n\n" + _answers(manifest),
        "## What it hears\n\n" + _hears(manifest),
        "## How good it was measured to be\n\n" + _measured(manifest),
        "## How it was made\n\n" + _table(("what", ""), manifest.training),
    ]
    return "\n\n".join(sections) + "\n"


def _answers(manifest: BundleManifest) -> str:
    lines = [f"One of {len(manifest.taxonomy.genres)} genres: {', '.join(manifest.taxonomy.genres)}."]
    if manifest.thresholds:
        lines.append("It abstains when the most probable genre is below that genre's threshold:")
        thresholds = {genre: f"{least:.3f}" for genre, least in manifest.thresholds.items()}
        lines += ["", _table(("genre", "threshold"), thresholds)]
    else:
        lines.append("It never abstains.")
    return "\n".join(lines)


def _hears(manifest: BundleManifest) -> str:
    window = manifest.front_end.window
    return (
        f"{window.length_s:g} s of a track, from {window.min_offset_s} to {window.max_offset_s} s on as far as the "
        f"track has them, as {_features(manifest.front_end)}. The classifier is `{manifest.architecture.name}`; its "
        f"logits are divided by {manifest.calibration.temperature:.3f}, and the probabilities of a track's segments "
        "are averaged."
    )


def _features(front_end: FrontEnd) -> str:
    rate = f"at {front_end.sample_rate} Hz in segments of"
    match front_end:
        case LogMelFrontEnd() | MfccFrontEnd():
            what = f"{front_end.segment_shape[0]} {'mel bands' if front_end.name == 'log_mel' else 'MFCC'}"
            return f"{what} {rate} {front_end.segment_frames * front_end.hop_length / front_end.sample_rate:.1f} s"
        case DescriptorFrontEnd():
            return f"{len(front_end.columns)} descriptors {rate} up to {front_end.segment_s:g} s"
        case ImageFrontEnd():
            return f"pictures ({' and '.join(front_end.images)}) {rate} up to {front_end.segment_s:g} s"
        case WaveformFrontEnd():
            return f"samples {rate} {front_end.segment_s:g} s"


def _measured(manifest: BundleManifest) -> str:
    table = _table(("figure", "value"), _figures(manifest))
    return f"{_LEAKY}\n\n{table}" if manifest.leaky else table


def _figures(manifest: BundleManifest) -> dict[str, str]:
    return {name: f"{value:.4g}" for name, value in manifest.metrics.items()}


def _table(header: tuple[str, str], rows: dict[str, str]) -> str:
    if not rows:
        return "Nothing was recorded."
    lines = [f"| {header[0]} | {header[1]} |", "|---|---|"]
    lines += [f"| {_cell(name)} | {_cell(value)} |" for name, value in rows.items()]
    return "\n".join(lines)


def _cell(text: str) -> str:
    return " ".join(text.replace("|", "\\|").split())
