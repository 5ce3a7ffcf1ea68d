"""The ceiling under every server: one row after another through the fitted model and its compiled form, in process.

    python inprocess.py FOLDER REGISTRY MODEL …      → one line of JSON: {"iris": {"scikit-learn": …, "onnxruntime": …}}

``FOLDER/MODEL/model.joblib`` is called as a notebook would, ``REGISTRY/MODEL/1/compiled/onnx`` as daytwo does: one
thread. Seconds per call, and calls per second.
"""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Callable
from pathlib import Path
from statistics import quantiles
from typing import Any

import joblib
import numpy as np

from daytwo.bundle.read import open_bundle
from daytwo.predictor import Predictor

_SECONDS = 1.0
_WARM_UP = 20


def timed(call: Callable[[], object]) -> dict[str, float]:
    """Median and p99 over a second of calls."""
    for _ in range(_WARM_UP):
        call()
    taken: list[float] = []
    end = time.perf_counter() + _SECONDS
    while (start := time.perf_counter()) < end:
        call()
        taken.append(time.perf_counter() - start)
    shares = quantiles(taken, n=100)
    return {"rps": len(taken) / sum(taken), "p50_s": shares[49], "p99_s": shares[98]}


def both(model: Any, rows: Any, bundle: Path) -> dict[str, dict[str, float]]:
    """Both forms on the first row."""
    one = rows[:1]
    predictor = Predictor.load(open_bundle(bundle))
    batch = predictor.conform(one)
    return {"scikit-learn": timed(lambda: model.predict(one)), "onnxruntime": timed(lambda: predictor.run(batch))}


def main() -> None:
    folder, registry = Path(sys.argv[1]), Path(sys.argv[2])
    found = {}
    for name in sys.argv[3:]:
        model, rows = joblib.load(folder / name / "model.joblib"), np.load(folder / name / "rows.npy")
        found[name] = both(model, rows, registry / name / "1")
    print(json.dumps(found))


if __name__ == "__main__":
    main()
