"""The models of bench/workers.py, packed: two that hold the interpreter for 10 ms a row, and a large one.

    python bench/worker_models.py FOLDER MEBIBYTES

Beside the registry each gets a folder with ``body.json``, the request that is sent.
"""

from __future__ import annotations

import ctypes
import json
import sys
import time
from pathlib import Path
from typing import Any

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

import daytwo

#: What one row costs ``busy`` and ``held``.
ROW_S = 0.010
_COLUMNS = 4


class Busy:
    """Computes for 10 ms a row, and releases nothing."""

    def predict(self, rows: Any) -> Any:
        for _ in range(len(rows)):
            until = time.thread_time() + ROW_S
            while time.thread_time() < until:
                pass
        return rows[:, 0] * 2.0


class Held:
    """Holds the interpreter for 10 ms a row and computes nothing, so that more workers than cores can be measured."""

    def predict(self, rows: Any) -> Any:
        sleep = ctypes.PyDLL(None).usleep  # a PyDLL keeps the interpreter's lock over its calls
        for _ in range(len(rows)):
            sleep(int(ROW_S * 1e6))
        return rows[:, 0] * 2.0


def large(mebibytes: int) -> onnx.ModelProto:
    """A network with one square layer of so many MiB."""
    width = int((mebibytes * 2**20 / 4) ** 0.5)
    shapes = {"first": (_COLUMNS, width), "square": (width, width), "last": (width, 1)}
    weights = [numpy_helper.from_array(np.full(s, 1e-4, dtype=np.float32), name) for name, s in shapes.items()]
    nodes = [
        helper.make_node("MatMul", ["x", "first"], ["a"]),
        helper.make_node("Tanh", ["a"], ["b"]),
        helper.make_node("MatMul", ["b", "square"], ["c"]),
        helper.make_node("MatMul", ["c", "last"], ["value"]),
    ]
    inputs = [helper.make_tensor_value_info("x", TensorProto.FLOAT, [None, _COLUMNS])]
    outputs = [helper.make_tensor_value_info("value", TensorProto.FLOAT, [None, 1])]
    graph = helper.make_graph(nodes, "large", inputs, outputs, weights)
    return helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=9)


def main(folder: Path, mebibytes: int) -> None:
    """Packs all three."""
    rows = np.random.default_rng(0).uniform(0.0, 9.0, (40, _COLUMNS))
    for name, model in {"busy": Busy(), "held": Held(), "large": large(mebibytes)}.items():
        data = rows.astype(np.float32) if name == "large" else rows
        daytwo.pack(model, data, name=name, registry=folder / "registry")
        (folder / name).mkdir()
        (folder / name / "body.json").write_text(json.dumps({"feature_vector": [1.0] * _COLUMNS}))


if __name__ == "__main__":
    main(Path(sys.argv[1]), int(sys.argv[2]))
