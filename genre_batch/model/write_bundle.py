"""Writes a bundle: its card, its weights and its manifest."""

from collections.abc import Mapping
from pathlib import Path

from genre_batch.decode.window import Window
from genre_batch.model.bundle import (
    CANARIES_FILE,
    CARD_FILE,
    GOLDEN_FILE,
    MANIFEST_FILE,
    WEIGHTS_FILE,
    Bundle,
    sha256_hex,
)
from genre_batch.model.check_weights import weight_shapes
from genre_batch.model.classifier import FileName
from genre_batch.model.manifest import BundleManifest

_LEAKY = (
    "**LEAKY FIGURES**: pieces of the same track were on both sides of the split. The figures show what a wrong "
    "evaluation makes of a model, and say nothing about new music."
)
_INTERVAL = (
    "accuracy_low to accuracy_high is the 95 % interval of accuracy_mean, by Student's t over the folds of one "
    "cross-validation. Folds share training tracks, so it is somewhat too narrow. The other figures have none here: "
    "`evaluate` gives them, by resampling artists."
)


def render_card(bundle: Bundle) -> str:
    """Markdown that says what the model answers, its input, how well it did when measured, and how it was made."""
    manifest = bundle.manifest
    sections = [
        f"# {manifest.name}",
        f"Fingerprint `{bundle.fingerprint}`.",
        "## What it answers\n\n" + _answers(manifest),
        "## Its input\n\n" + _input(manifest),
        "## How well it did\n\n" + _measured(manifest),
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
    if manifest.thresholds_at:
        lines += ["", "With `min_precision`, scoring makes it abstain (figures of held-out tracks):", ""]
        lines.append(_table(("min_precision", "answered, and right of those"), _abstaining(manifest)))
    return "\n".join(lines)


def _abstaining(manifest: BundleManifest) -> dict[str, str]:
    """For each precision that thresholds are kept for, the shares of tracks that are answered, and answered right."""
    rows = {}
    for target in manifest.thresholds_at:
        answered, right = (manifest.metrics.get(f"{name}_at_{target}") for name in ("answered", "answered_accuracy"))
        rows[target] = ", ".join("none" if share is None else f"{share:.2f}" for share in (answered, right))
    return rows


def _input(manifest: BundleManifest) -> str:
    calibration = manifest.calibration
    pooled = "logits of a track's segments are averaged, weighted by their loudness"
    if manifest.pooling == "mean_probability":
        pooled = "probabilities of a track's segments are averaged"
    return (
        f"{_heard(manifest.front_end.window)}, as {manifest.front_end.describe()}. The classifier is "
        f"`{manifest.architecture.name}`; its logits are divided by {calibration.temperature:.3f}, and the {pooled}."
    )


def _heard(window: Window) -> str:
    if window.pieces > 1:
        return f"{window.pieces} pieces of {window.length_s:g} s, spread evenly over the track"
    return (
        f"{window.length_s:g} s of a track, starting {window.min_offset_s} to {window.max_offset_s} s into it, or "
        f"earlier if the track is too short"
    )


def _measured(manifest: BundleManifest) -> str:
    parts = [_LEAKY] if manifest.leaky else []
    parts.append(_table(("figure", "value"), _figures(manifest)))
    if "accuracy_low" in manifest.metrics:
        parts.append(_INTERVAL)
    return "\n\n".join(parts)


def _figures(manifest: BundleManifest) -> dict[str, str]:
    return {name: f"{value:.4g}" for name, value in manifest.metrics.items() if "_at_" not in name}


def _table(header: tuple[str, str], rows: dict[str, str]) -> str:
    if not rows:
        return "Nothing was recorded."
    lines = [f"| {header[0]} | {header[1]} |", "|---|---|"]
    lines += [f"| {_cell(name)} | {_cell(value)} |" for name, value in rows.items()]
    return "\n".join(lines)


def _cell(text: str) -> str:
    return " ".join(text.replace("|", "\\|").split())


def write_bundle(
    folder: Path,
    manifest: BundleManifest,
    weights: Mapping[FileName, bytes],
    golden: bytes,
    canaries: bytes | None = None,
) -> Bundle:
    """Write the weights, golden.npz, canaries.zip, README.md and then bundle.json into `folder`; what was written.

    weights: the files that `weight_files` of the architecture names and, with `manifest.embedding`, EMBEDDING_FILE.
    golden: from `golden.make_golden`, so the weights have been loaded. canaries: from `canaries.make_canaries`, if any.
    The `files` and `weight_shapes` of `manifest` are filled in here.
    """
    checks: dict[FileName, bytes] = {GOLDEN_FILE: golden, **({CANARIES_FILE: canaries} if canaries else {})}
    draft = Bundle(str(folder), manifest, {**weights, **checks})
    files: dict[FileName, bytes] = {**draft.files, CARD_FILE: render_card(draft).encode()}
    digests = {name: sha256_hex(data) for name, data in files.items()}
    shapes = weight_shapes(weights[WEIGHTS_FILE]) if WEIGHTS_FILE in weights else {}
    complete = manifest.model_copy(update={"files": digests, "weight_shapes": shapes})
    folder.mkdir(parents=True, exist_ok=True)
    for name, data in files.items():
        (folder / name).write_bytes(data)
    (folder / MANIFEST_FILE).write_text(complete.model_dump_json(indent=2) + "\n", encoding="utf-8")
    return Bundle(str(folder), complete, files)
