"""The README.md of a bundle, made of the facts in its manifest."""

from genre_batch.model.bundle import Bundle
from genre_batch.model.manifest import BundleManifest


def render_card(bundle: Bundle) -> str:
    """Markdown that says what the model answers, how it was made, how good it was measured to be, what it hears."""
    manifest = bundle.manifest
    sections = [
        f"# {manifest.name}",
        f"Fingerprint `{bundle.fingerprint}`.",
        "## What it answers\n\n" + _answers(manifest),
        "## What it hears\n\n" + _hears(manifest),
        "## How good it was measured to be\n\n" + _table(("figure", "value"), _figures(manifest)),
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
    front_end = manifest.front_end
    window = front_end.window
    segment_s = front_end.segment_frames * front_end.hop_length / front_end.sample_rate
    return (
        f"{window.length_s:g} s of a track, from {window.min_offset_s} to {window.max_offset_s} s on as far as the "
        f"track has them, as {front_end.n_mels} mel bands at {front_end.sample_rate} Hz in segments of "
        f"{segment_s:.1f} s. The network is `{manifest.architecture.name}`; its logits are divided by "
        f"{manifest.calibration.temperature:.3f}, and the probabilities of a track's segments are averaged."
    )


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
