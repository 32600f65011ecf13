"""A model that answers differently from when it was made is found before it labels anything."""

import io
import pickle
import tracemalloc
import zipfile
from pathlib import Path

import numpy as np
import pytest
from small_bundle import MANIFEST, write_small_bundle

from genre_batch.errors import UsageError, UserError
from genre_batch.model.bundle import GOLDEN_FILE, SHIPPED_BUNDLES, WEIGHTS_FILE, Bundle, load_bundle
from genre_batch.model.devices import Precision
from genre_batch.model.golden import (
    PROBABILITY_TOLERANCE,
    SEGMENT_TOLERANCE,
    check_probabilities,
    check_segments,
    read_golden,
    synthesise_chords,
)
from genre_batch.model.predictor import Predictor
from genre_batch.model.scores import Calibration, softmax


@pytest.fixture(scope="module")
def bundle(tmp_path_factory: pytest.TempPathFactory) -> Bundle:
    return write_small_bundle(tmp_path_factory.mktemp("bundle"))


def npz(**arrays: np.ndarray) -> bytes:
    buffer = io.BytesIO()
    np.savez(buffer, **arrays)
    return buffer.getvalue()


def with_file(bundle: Bundle, name: str, data: bytes) -> Bundle:
    return Bundle(bundle.uri, bundle.manifest, {**bundle.files, name: data})


def with_settings(bundle: Bundle, **changes: object) -> Bundle:
    return Bundle(bundle.uri, bundle.manifest.model_copy(update=changes), bundle.files)


def with_golden(bundle: Bundle, **changes: np.ndarray) -> Bundle:
    golden = read_golden(bundle)
    arrays = {"audio": golden.audio, "segments": golden.segments, "probabilities": golden.probabilities}
    return with_file(bundle, GOLDEN_FILE, npz(**arrays | changes))


def test_segments_pass_only_within_the_tolerance(bundle: Bundle) -> None:
    check_segments(bundle)
    segments = read_golden(bundle).segments.astype(np.float32)
    segments[0, 0, 0] += 3.0 * SEGMENT_TOLERANCE * (1.0 + abs(segments[0, 0, 0]))
    with pytest.raises(UserError, match="front end"):
        check_segments(with_golden(bundle, segments=segments.astype(np.float16)))


@pytest.mark.parametrize("precision", ["fp32", "bf16", "fp16"])
def test_probabilities_pass_only_within_the_tolerance_of_their_precision(bundle: Bundle, precision: Precision) -> None:
    predictor = Predictor(bundle, device="cpu", precision=precision)
    check_probabilities(bundle, predictor)
    off = read_golden(bundle).probabilities + np.float32(2.0 * PROBABILITY_TOLERANCE[precision])
    with pytest.raises(UserError, match=f"network in {precision}"):
        check_probabilities(with_golden(bundle, probabilities=off), predictor)


def test_the_vectors_are_small_and_of_the_shapes_documented(bundle: Bundle) -> None:
    golden = read_golden(bundle)
    assert len(bundle.files[GOLDEN_FILE]) < 500_000
    assert golden.audio.shape == (4 * 22_050,)
    assert golden.segments.shape == (4, 16, 64)
    assert golden.probabilities.shape == (4, 3)
    np.testing.assert_allclose(golden.probabilities.sum(axis=1), 1.0, atol=1e-6)


@pytest.mark.parametrize(
    "change",
    [
        {"hop_length": 511},
        {"rms_dbfs": -20.2},
        {"top_db": 40.0},
        {"mean": [-40.0] * 15 + [-40.1]},
        {"segment_hop_frames": 64},
    ],
    ids=str,
)
def test_a_front_end_that_has_changed_is_found(bundle: Bundle, change: dict[str, object]) -> None:
    changed = with_settings(bundle, front_end=bundle.manifest.front_end.model_copy(update=change))
    with pytest.raises(UserError, match="front end does not reproduce the golden answers") as raised:
        check_segments(changed)
    assert raised.value.hint


def test_a_network_that_answers_differently_is_found(bundle: Bundle) -> None:
    class Biased:
        precision = "fp32"

        def __init__(self) -> None:
            self._predictor = Predictor(bundle, device="cpu")

        def logits(self, segments: np.ndarray) -> np.ndarray:
            return self._predictor.logits(segments) + np.array([0.05, 0, 0], np.float32)

    with pytest.raises(UserError, match="network in fp32"):
        check_probabilities(bundle, Biased())


def test_probabilities_that_are_not_numbers_are_found(bundle: Bundle) -> None:
    class Broken:
        precision = "bf16"

        def logits(self, segments: np.ndarray) -> np.ndarray:
            return np.full((len(segments), 3), np.nan, np.float32)

    with pytest.raises(UserError, match="network in bf16"):
        check_probabilities(bundle, Broken())


def test_another_temperature_is_found(bundle: Bundle) -> None:
    changed = with_settings(bundle, calibration=Calibration(temperature=1.0))
    with pytest.raises(UserError):
        check_probabilities(changed, Predictor(changed, device="cpu"))


def test_every_precision_has_a_tolerance() -> None:
    assert set(PROBABILITY_TOLERANCE) == {"fp32", "bf16", "fp16"}


@pytest.mark.parametrize(
    "damaged",
    [
        b"",
        b"PK\x03\x04 not a zip",
        npz(audio=np.zeros(5, np.int16)),
        npz(audio=np.zeros(5), segments=np.zeros((1, 16, 64), np.float16), probabilities=np.ones((1, 3), np.float32)),
        npz(
            audio=np.zeros(0, np.int16),
            segments=np.zeros((1, 16, 64), np.float16),
            probabilities=np.ones((1, 3), np.float32),
        ),
        npz(
            audio=np.zeros(5, np.int16),
            segments=np.zeros((1, 16, 63), np.float16),
            probabilities=np.ones((1, 3), np.float32),
        ),
        npz(
            audio=np.zeros(5, np.int16),
            segments=np.zeros((1, 16, 64), np.float16),
            probabilities=np.ones((1, 4), np.float32),
        ),
    ],
    ids=range(7),
)
def test_a_file_that_holds_no_golden_vectors_is_refused(bundle: Bundle, damaged: bytes) -> None:
    with pytest.raises(UsageError, match="golden vectors"):
        read_golden(with_file(bundle, GOLDEN_FILE, damaged))


def bomb(method: int, promised_bytes: int | None = None) -> bytes:
    """A small archive of 300 MiB of silence; its table may promise less."""
    buffer, header = io.BytesIO(), io.BytesIO()
    shape = {"descr": "<i2", "fortran_order": False, "shape": (150 << 20,)}
    np.lib.format.write_array_header_1_0(header, shape)
    with zipfile.ZipFile(buffer, "w", method) as archive:
        with archive.open("audio.npy", "w") as file:
            file.write(header.getvalue())
            for _ in range(300):
                file.write(bytes(1 << 20))
        if promised_bytes is not None:
            archive.getinfo("audio.npy").file_size = promised_bytes
    return buffer.getvalue()


@pytest.mark.parametrize(
    ("method", "promised_bytes"),
    [(zipfile.ZIP_DEFLATED, None), (zipfile.ZIP_DEFLATED, 9), (zipfile.ZIP_BZIP2, 1 << 20)],
)
def test_a_small_archive_that_unpacks_to_much_is_refused_before_it_does(
    bundle: Bundle, method: int, promised_bytes: int | None
) -> None:
    forged = with_file(bundle, GOLDEN_FILE, bomb(method, promised_bytes))
    assert len(forged.files[GOLDEN_FILE]) < 1 << 20
    tracemalloc.start()
    with pytest.raises(UsageError, match="golden vectors"):
        read_golden(forged)
    _, peak_bytes = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert peak_bytes < 16 << 20


class Bomb:
    """Leaves a mark when it is unpickled."""

    def __init__(self, mark: Path) -> None:
        self.mark = mark

    def __reduce__(self) -> tuple[object, tuple[Path]]:
        return Path.touch, (self.mark,)


def test_pickles_are_never_executed(tmp_path: Path, bundle: Bundle) -> None:
    mark = tmp_path / "executed"
    objects = np.array([Bomb(mark)], dtype=object)
    pickled = npz(audio=objects, segments=objects, probabilities=objects)
    with pytest.raises(UsageError, match="golden vectors"):
        read_golden(with_file(bundle, GOLDEN_FILE, pickled))
    for weights in (pickle.dumps(Bomb(mark)), pickled):
        with pytest.raises(UsageError, match="weights"):
            Predictor(with_file(bundle, WEIGHTS_FILE, weights), device="cpu")
    assert not mark.exists()


def test_the_sound_is_the_same_each_time_and_has_both_tones_and_noise() -> None:
    sound = synthesise_chords(22_050)
    np.testing.assert_array_equal(sound, synthesise_chords(22_050))
    assert sound.dtype == np.int16
    assert 1_000 < np.abs(sound.astype(int)).mean() < 10_000
    assert np.abs(sound.astype(int)).max() < 32_767


@pytest.mark.parametrize("name", SHIPPED_BUNDLES)
def test_a_shipped_bundle_passes(name: str) -> None:
    shipped = load_bundle(name)
    check_segments(shipped)
    check_probabilities(shipped, Predictor(shipped, device="cpu"))
    assert sum(map(len, shipped.files.values())) < 4_000_000


def test_the_loaded_bundle_passes_as_the_written_one_does(tmp_path: Path) -> None:
    write_small_bundle(tmp_path, MANIFEST)
    loaded = load_bundle(str(tmp_path))
    golden, predictor = read_golden(loaded), Predictor(loaded, device="cpu")
    check_segments(loaded)
    check_probabilities(loaded, predictor)
    np.testing.assert_allclose(
        softmax(predictor.logits(golden.segments), loaded.manifest.calibration.temperature),
        golden.probabilities,
        atol=PROBABILITY_TOLERANCE["fp32"],
    )
