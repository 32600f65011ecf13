"""Where and how exactly a model runs."""

from typing import Literal

Device = Literal["auto", "cpu", "cuda"]
"""`auto` is a GPU where there is one."""

Precision = Literal["fp32", "bf16", "fp16"]
