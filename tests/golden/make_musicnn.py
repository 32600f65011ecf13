"""Makes musicnn.npz: what the published graph of MSD_musicnn answers to four segments, for tests/model/networks.

    pip download --no-deps musicnn==0.1.0
    uv run --no-project --with tensorflow-cpu==2.15.1 python make_musicnn.py musicnn-0.1.0-py3-none-any.whl NEW.npz

TensorFlow loads the graph and the checkpoint of the wheel; no code of it runs, and none of this project either. The
segments are those of `segments` in tests/model/networks/test_musicnn.py: decibels by numpy's generator with the seed 7.
`values` is the layer from which the tags follow, `tags` their probabilities, both in single precision.
"""

import sys
import tempfile
import zipfile
from pathlib import Path

import numpy as np
import tensorflow as tf

FOLDER = "musicnn/MSD_musicnn/"
POWER_GAIN = 10_000.0
OUTPUTS = {"values": "model/batch_normalization_10/batchnorm/add_1:0", "tags": "model/Sigmoid:0"}


def main(wheel: str, target: str) -> None:
    """Write `target` from the wheel of musicnn 0.1.0."""
    decibels = np.random.default_rng(7).normal(-20.0, 12.0, (4, 1, 96, 187)).astype(np.float32)
    heard = np.log10(1.0 + POWER_GAIN * 10.0 ** (decibels[:, 0].transpose(0, 2, 1) / 10.0))
    v1 = tf.compat.v1
    v1.disable_eager_execution()
    with tempfile.TemporaryDirectory() as folder, zipfile.ZipFile(wheel) as files:
        for name in files.namelist():
            if name.startswith(FOLDER):
                files.extract(name, folder)
        place = f"{folder}/{FOLDER}"
        graph = v1.MetaGraphDef.FromString(Path(place + ".meta").read_bytes()).graph_def
        for node in graph.node:
            node.attr.pop("_output_shapes", None)  # those of the gradients are not what TensorFlow 2 expects
        v1.import_graph_def(graph, name="")
        with v1.Session() as session:
            session.run("save/restore_all", {"save/Const:0": place})
            given = {"model/Placeholder:0": heard, "model/Placeholder_2:0": False}
            np.savez_compressed(target, **session.run(OUTPUTS, given))


if __name__ == "__main__":
    main(*sys.argv[1:])
