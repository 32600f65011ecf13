"""Exported ONNX models of every shape, and those that do not fit."""

import builtins
from pathlib import Path

import numpy as np
import onnx
import onnxruntime
import pytest
import torch
from exported_models import linear_onnx, linear_weights, to_bytes, with_external_weights
from onnx import TensorProto, helper, numpy_helper
from small_bundle import fill_with_noise

from genre_batch.errors import UsageError
from genre_batch.features.front_end import FrontEnd
from genre_batch.features.front_ends.descriptors import DescriptorFrontEnd
from genre_batch.features.front_ends.log_mel import LogMelFrontEnd
from genre_batch.features.front_ends.mfcc import MfccFrontEnd
from genre_batch.features.front_ends.plain_waveform import WaveformFrontEnd
from genre_batch.features.segments import Segments
from genre_batch.model.architecture import OnnxSettings
from genre_batch.model.bundle import Bundle
from genre_batch.model.exported.onnx_inputs import Layout
from genre_batch.model.exported.onnx_predictor import OnnxPredictor
from genre_batch.model.manifest import BundleManifest
from genre_batch.model.networks.build import build_network
from genre_batch.model.networks.settings import MelCnnSettings
from genre_batch.model.open_predictor import open_predictor
from genre_batch.model.scores import Taxonomy, softmax

MELS = LogMelFrontEnd(n_mels=16, segment_frames=20, segment_hop_frames=20)
SAMPLES = WaveformFrontEnd(sample_rate=16_000, segment_s=0.1)
GENRES = ["blues", "jazz", "rock"]


def bundle(data: bytes, front_end: FrontEnd = MELS, settings: OnnxSettings | None = None) -> Bundle:
    manifest = BundleManifest(
        name="exported",
        architecture=settings or OnnxSettings(),
        front_end=front_end,
        taxonomy=Taxonomy(genres=GENRES),
    )
    return Bundle("bundle", manifest, {"model.onnx": data})


def noise(n: int, front_end: FrontEnd = MELS) -> Segments:
    values = np.random.default_rng(n).standard_normal((n, *front_end.segment_shape))
    return values.astype(front_end.dtype)


def by_hand(segments: Segments) -> "np.ndarray[tuple[int, int], np.dtype[np.float64]]":
    flat = segments.reshape(len(segments), -1).astype(np.float64)
    return flat @ linear_weights(flat.shape[1], 3)


@pytest.mark.parametrize(
    ("layout", "axes", "front_end"),
    [
        ("BCHW", ["B", 1, 16, 20], MELS),
        ("BCHW", ["B", 1, "mels", "frames"], MELS),
        ("BHW", ["B", 16, 20], MELS),
        ("BHWC", ["B", 16, 20, 1], MELS),
        ("BHW", ["B", 20, 7], MfccFrontEnd(segment_frames=7)),
        ("BW", ["B", 57], DescriptorFrontEnd()),
        ("BW", ["B", 1600], SAMPLES),
        ("BHW", ["B", 1, 1600], SAMPLES),
        ("BCHW", [1, 1, 16, 20], MELS),
        ("BCHW", [4, 1, 16, 20], MELS),
    ],
)
def test_every_input_gets_the_values_in_its_order(layout: Layout, axes: list[int | str], front_end: FrontEnd) -> None:
    rows, columns = front_end.segment_shape
    data = linear_onnx(axes, rows * columns, 3)
    predictor = open_predictor(bundle(data, front_end, OnnxSettings(layout=layout)), device="cpu")
    segments = noise(6, front_end)
    answers = predictor.logits(segments)
    assert (predictor.precision, answers.dtype, answers.shape) == ("fp32", np.float32, (6, 3))
    assert np.allclose(answers, by_hand(segments), atol=1e-5)


def test_frames_may_come_before_bands() -> None:
    data = linear_onnx(["B", 20, 16], 320, 3)
    segments = noise(3)
    answers = OnnxPredictor(bundle(data, settings=OnnxSettings(layout="BWH"))).logits(segments)
    assert np.allclose(answers, by_hand(segments.transpose(0, 2, 1)), atol=1e-5)


@pytest.mark.parametrize("axes", [["samples"], [1600]])
def test_a_model_of_one_sound_that_answers_frame_by_frame_is_averaged(axes: list[int | str]) -> None:
    """The shape of YAMNet: samples [n] to probabilities [frames, classes]."""
    nodes = [
        helper.make_node("Reshape", ["sound", "frames"], ["framed"]),
        helper.make_node("MatMul", ["framed", "weights"], ["sums"]),
        helper.make_node("Sigmoid", ["sums"], ["shares"]),
    ]
    weights = linear_weights(400, 3).astype(np.float32)
    graph = helper.make_graph(
        nodes,
        "frames",
        [helper.make_tensor_value_info("sound", TensorProto.FLOAT, axes)],
        [helper.make_tensor_value_info("shares", TensorProto.FLOAT, ["n", 3])],
        [numpy_helper.from_array(weights, "weights"), numpy_helper.from_array(np.array([-1, 400]), "frames")],
    )
    settings = OnnxSettings(layout="W", answers="probabilities")
    predictor = OnnxPredictor(bundle(to_bytes(graph), SAMPLES, settings), device="cpu")
    segments = noise(3, SAMPLES)
    shares = 1.0 / (1.0 + np.exp(-segments.reshape(3, 4, 400) @ weights))
    assert np.allclose(predictor.logits(segments), np.log(shares.mean(axis=1)), atol=1e-5)


@pytest.mark.parametrize("batch", ["B", 1, 4])
def test_an_answer_does_not_depend_on_the_number_of_segments(batch: int | str) -> None:
    predictor = OnnxPredictor(bundle(linear_onnx([batch, 1, 16, 20], 320, 3)), device="cpu")
    segments = noise(10)
    together = predictor.logits(segments)
    if batch != 4:
        assert np.array_equal(together, np.concatenate([predictor.logits(segments[i : i + 1]) for i in range(10)]))
    assert np.array_equal(together[:3], predictor.logits(segments[:3]))
    assert predictor.logits(segments[:0]).shape == (0, 3)


@pytest.mark.parametrize("frames", [False, True])
def test_probabilities_come_back_from_their_logarithms(frames: bool) -> None:
    data = linear_onnx(["B", 1, 16, 20], 320, 3, softmax=True, frames=frames)
    predictor = OnnxPredictor(bundle(data, settings=OnnxSettings(answers="probabilities")))
    segments = noise(5)
    expected = softmax(by_hand(segments).astype(np.float32))
    assert np.allclose(softmax(predictor.logits(segments)), expected, atol=1e-5)


@pytest.mark.parametrize(("dtype", "tolerance"), [(np.float16, 2e-2), (np.float64, 1e-5)])
def test_a_model_in_half_or_double_precision(dtype: type, tolerance: float) -> None:
    predictor = OnnxPredictor(bundle(linear_onnx(["B", 1, 16, 20], 320, 3, dtype=dtype)))
    segments = noise(5)
    assert predictor.logits(segments).dtype == np.float32
    assert np.allclose(predictor.logits(segments), by_hand(segments), atol=tolerance)


@pytest.mark.slow
def test_a_network_exported_by_torch_answers_as_torch_does(tmp_path: Path) -> None:
    front_end = LogMelFrontEnd(n_mels=16, segment_frames=64, segment_hop_frames=64)
    network = fill_with_noise(build_network(MelCnnSettings(dense_channels=8), 16, 64, 3))
    segments = noise(3, front_end)
    inputs = torch.from_numpy(segments.astype(np.float32))[:, None]
    path = tmp_path / "network.onnx"
    torch.onnx.export(
        network,
        (inputs,),
        str(path),
        dynamic_shapes=({0: torch.export.Dim("batch")},),
        external_data=False,
        verbose=False,
    )
    predictor = OnnxPredictor(bundle(path.read_bytes(), front_end), device="cpu")
    with torch.inference_mode():
        assert np.allclose(predictor.logits(segments), network(inputs).numpy(), atol=1e-4)


def test_a_named_output_is_read() -> None:
    model = onnx.load_from_string(linear_onnx(["B", 1, 16, 20], 320, 3))
    model.graph.node.append(helper.make_node("Neg", ["sums"], ["negated"]))
    model.graph.output.append(helper.make_tensor_value_info("negated", TensorProto.FLOAT, ["B", 3]))
    segments = noise(2)
    predictor = OnnxPredictor(bundle(model.SerializeToString(), settings=OnnxSettings(output="negated")))
    assert np.allclose(predictor.logits(segments), -by_hand(segments), atol=1e-5)
    with pytest.raises(UsageError, match="no output 'embedding'") as error:
        OnnxPredictor(bundle(model.SerializeToString(), settings=OnnxSettings(output="embedding")))
    assert "sums, negated" in error.value.hint


def test_a_model_that_standardises_its_input_is_accepted() -> None:
    nodes = [
        helper.make_node("Flatten", ["sound"], ["flat"]),
        helper.make_node("ReduceL2", ["flat"], ["size"], axes=[1]),
        helper.make_node("Div", ["flat", "size"], ["unit"]),
        helper.make_node("MatMul", ["unit", "weights"], ["sums"]),
    ]
    graph = helper.make_graph(
        nodes,
        "unit",
        [helper.make_tensor_value_info("sound", TensorProto.FLOAT, ["B", 1, 16, 20])],
        [helper.make_tensor_value_info("sums", TensorProto.FLOAT, ["B", 3])],
        [numpy_helper.from_array(linear_weights(320, 3).astype(np.float32), "weights")],
    )
    assert np.isfinite(OnnxPredictor(bundle(to_bytes(graph))).logits(noise(2))).all()


@pytest.mark.parametrize(
    ("data", "settings", "message"),
    [
        (linear_onnx(["B", 1, 16, 24], 384, 3), OnnxSettings(), r"takes \[B, 1, 16, 24\], .* gives \[B, 1, 16, 20\]"),
        (linear_onnx(["B", 3, 16, 20], 960, 3), OnnxSettings(), r"takes \[B, 3, 16, 20\]"),
        (linear_onnx(["B", 16, 20], 320, 3), OnnxSettings(), r"takes \[B, 16, 20\], .* in layout BCHW"),
        (linear_onnx(["B", "C", "H", "W"], 384, 3), OnnxSettings(), r"cannot be run on \[B, 1, 16, 20\]"),
        (linear_onnx(["B", 1, 16, 20], 320, 5), OnnxSettings(), r"'sums' .* is \[1, 5\], not \[1, 3\] .* 3 genres"),
        (linear_onnx(["B", 1, 16, 20], 320, 3), OnnxSettings(answers="probabilities"), "outside of 0 to 1"),
        (b"", OnnxSettings(), "cannot be loaded"),
        (b"\x80\x04not a protobuf", OnnxSettings(), "cannot be loaded"),
    ],
)
def test_what_does_not_fit_is_reported_with_shapes(data: bytes, settings: OnnxSettings, message: str) -> None:
    with pytest.raises(UsageError, match=message):
        OnnxPredictor(bundle(data, settings=settings))


def test_two_inputs_or_other_numbers_are_refused() -> None:
    model = onnx.load_from_string(linear_onnx(["B", 1, 16, 20], 320, 3))
    model.graph.input[0].type.tensor_type.elem_type = TensorProto.INT64
    model.graph.node.insert(0, helper.make_node("Cast", ["sound"], ["float"], to=TensorProto.FLOAT))
    model.graph.node[1].input[0] = "float"
    with pytest.raises(UsageError, match=r"takes a tensor\(int64\)"):
        OnnxPredictor(bundle(model.SerializeToString()))
    model.graph.input.append(helper.make_tensor_value_info("length", TensorProto.INT64, ["B"]))
    with pytest.raises(UsageError, match=r"2 inputs \(sound, length\)"):
        OnnxPredictor(bundle(model.SerializeToString()))


def test_a_map_of_labels_is_refused() -> None:
    """The default output of skl2onnx for a classifier."""
    nodes = [
        helper.make_node("Flatten", ["sound"], ["flat"]),
        helper.make_node("MatMul", ["flat", "weights"], ["sums"]),
        helper.make_node("ZipMap", ["sums"], ["maps"], domain="ai.onnx.ml", classlabels_int64s=[0, 1, 2]),
    ]
    kind = helper.make_sequence_type_proto(
        helper.make_map_type_proto(TensorProto.INT64, helper.make_tensor_type_proto(TensorProto.FLOAT, []))
    )
    graph = helper.make_graph(
        nodes,
        "zipmap",
        [helper.make_tensor_value_info("sound", TensorProto.FLOAT, ["B", 1, 16, 20])],
        [helper.make_value_info("maps", kind)],
        [numpy_helper.from_array(linear_weights(320, 3).astype(np.float32), "weights")],
    )
    opsets = [helper.make_opsetid("", 17), helper.make_opsetid("ai.onnx.ml", 3)]
    data = helper.make_model(graph, opset_imports=opsets, ir_version=9).SerializeToString()
    with pytest.raises(UsageError, match="not a tensor of numbers") as error:
        OnnxPredictor(bundle(data))
    assert "zipmap" in error.value.hint


@pytest.mark.parametrize("location", ["weights.bin", "{folder}/weights.bin", "../{name}/weights.bin"])
def test_other_files_are_never_read(location: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "weights.bin").write_bytes(np.ones(12, np.float32).tobytes())
    monkeypatch.chdir(tmp_path)
    data = with_external_weights(location.format(folder=tmp_path, name=tmp_path.name))
    if location == "weights.bin":
        assert onnxruntime.InferenceSession(data).get_inputs(), "without the setting it is read from the working folder"
    with pytest.raises(UsageError, match="cannot be loaded") as error:
        OnnxPredictor(bundle(data, WaveformFrontEnd(sample_rate=4, segment_s=1.0), OnnxSettings(layout="BW")))
    assert "without external data" in error.value.hint


def test_custom_operators_are_refused() -> None:
    model = onnx.load_from_string(linear_onnx(["B", 1, 16, 20], 320, 3))
    model.graph.node[0].domain = "com.example"
    model.opset_import.append(helper.make_opsetid("com.example", 1))
    with pytest.raises(UsageError, match=r"cannot be loaded: .*com\.example"):
        OnnxPredictor(bundle(model.SerializeToString()))


def test_without_onnxruntime_the_hint_is_how_to_install_it(monkeypatch: pytest.MonkeyPatch) -> None:
    real = builtins.__import__

    def without(name: str, *rest: object, **more: object) -> object:
        if name == "onnxruntime":
            raise ImportError(name)
        return real(name, *rest, **more)  # type: ignore[arg-type]

    monkeypatch.setattr(builtins, "__import__", without)
    with pytest.raises(UsageError, match="onnxruntime is not installed") as error:
        OnnxPredictor(bundle(b""))
    assert "pip install onnxruntime" in error.value.hint


@pytest.mark.skipif(
    "CUDAExecutionProvider" in onnxruntime.get_available_providers(), reason="onnxruntime has a GPU here"
)
def test_a_missing_gpu() -> None:
    with pytest.raises(UsageError, match="no GPU"):
        OnnxPredictor(bundle(linear_onnx(["B", 1, 16, 20], 320, 3)), device="cuda")
