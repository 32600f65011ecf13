"""Small models in the formats of other tools: ONNX files and transformers folders."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

Axes = Sequence[int | str]


def linear_onnx(
    axes: Axes, n_values: int, n_outputs: int, *, softmax: bool = False, frames: bool = False, dtype: type = np.float32
) -> bytes:
    """A linear layer on the flattened input, whose shape is `axes`: logits [B, n_outputs], or probabilities.

    Its weights come from `linear_weights`. frames: repeat the answer for two frames, [B, 2, n_outputs].
    """
    element = helper.np_dtype_to_tensor_dtype(np.dtype(dtype))
    weights = numpy_helper.from_array(linear_weights(n_values, n_outputs).astype(dtype), "weights")
    nodes = [
        helper.make_node("Flatten", ["sound"], ["flat"]),
        helper.make_node("MatMul", ["flat", "weights"], ["sums"]),
    ]
    answer, shape = "sums", [axes[0], n_outputs]
    if softmax:
        nodes.append(helper.make_node("Softmax", [answer], ["shares"], axis=-1))
        answer = "shares"
    if frames:
        nodes.append(helper.make_node("Concat", ["one", "two"], ["framed"], axis=1))
        nodes[-1:-1] = [helper.make_node("Unsqueeze", [answer, "axis"], [name]) for name in ("one", "two")]
        answer, shape = "framed", [axes[0], 2, n_outputs]
    graph = helper.make_graph(
        nodes,
        "linear",
        [helper.make_tensor_value_info("sound", element, list(axes))],
        [helper.make_tensor_value_info(answer, element, shape)],
        [weights, numpy_helper.from_array(np.array([1]), "axis")] if frames else [weights],
    )
    return to_bytes(graph)


def linear_weights(n_values: int, n_outputs: int) -> "np.ndarray[tuple[int, int], np.dtype[np.float64]]":
    return np.random.default_rng(0).standard_normal((n_values, n_outputs)) / np.sqrt(n_values)


def with_external_weights(location: str) -> bytes:
    """A model for input [B, 4] that refers to the file `location` for its weights."""
    weights = onnx.TensorProto(name="weights", data_type=TensorProto.FLOAT, dims=[4, 3])
    weights.data_location = onnx.TensorProto.EXTERNAL
    for key, value in (("location", location), ("offset", "0"), ("length", "48")):
        weights.external_data.add(key=key, value=value)
    node = helper.make_node("MatMul", ["sound", "weights"], ["sums"])
    sound = helper.make_tensor_value_info("sound", TensorProto.FLOAT, ["B", 4])
    sums = helper.make_tensor_value_info("sums", TensorProto.FLOAT, ["B", 3])
    return to_bytes(helper.make_graph([node], "elsewhere", [sound], [sums], [weights]))


def to_bytes(graph: onnx.GraphProto) -> bytes:
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=9)
    data: bytes = model.SerializeToString()
    return data


def save_wav2vec2(folder: Path, labels: Sequence[str], sampling_rate: int = 16_000) -> None:
    """Save a tiny Wav2Vec2 audio classifier with save_pretrained."""
    import torch
    from transformers import Wav2Vec2Config, Wav2Vec2FeatureExtractor, Wav2Vec2ForSequenceClassification

    torch.manual_seed(0)
    config = Wav2Vec2Config(
        hidden_size=16,
        num_hidden_layers=1,
        num_attention_heads=2,
        intermediate_size=16,
        conv_dim=(8, 8),
        conv_stride=(5, 4),
        conv_kernel=(10, 8),
        num_conv_pos_embeddings=8,
        num_conv_pos_embedding_groups=2,
        classifier_proj_size=8,
        initializer_range=0.5,
        id2label=dict(enumerate(labels)),
        label2id={label: place for place, label in enumerate(labels)},
    )
    Wav2Vec2ForSequenceClassification(config).save_pretrained(folder)
    Wav2Vec2FeatureExtractor(sampling_rate=sampling_rate, return_attention_mask=False).save_pretrained(folder)


def save_ast(folder: Path, labels: Sequence[str]) -> None:
    """Save a tiny audio spectrogram transformer for inputs of 1.28 s with save_pretrained."""
    import torch
    from transformers import ASTConfig, ASTFeatureExtractor, ASTForAudioClassification

    torch.manual_seed(0)
    config = ASTConfig(
        hidden_size=16,
        num_hidden_layers=1,
        num_attention_heads=2,
        intermediate_size=16,
        max_length=128,
        num_mel_bins=32,
        initializer_range=0.5,
        id2label=dict(enumerate(labels)),
        label2id={label: place for place, label in enumerate(labels)},
    )
    ASTForAudioClassification(config).save_pretrained(folder)
    ASTFeatureExtractor(max_length=128, num_mel_bins=32).save_pretrained(folder)
