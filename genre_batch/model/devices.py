"""Where, with which precision and by which library a model runs."""

from typing import Literal

Device = Literal["auto", "cpu", "cuda"]
"""`auto` is a GPU if there is one."""

Precision = Literal["fp32", "bf16", "fp16"]

Runtime = Literal["torch", "onnx"]
"""What computes a network that was trained here: torch, or ONNX Runtime on a CPU in fp32."""
