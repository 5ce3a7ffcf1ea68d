"""Packs fitted subjects with full proof into a registry and tells how long each call took.

    python pack.py FOLDER REGISTRY [NAME …]      → one line of JSON: {"iris": seconds, "forest": seconds}

Without names it is iris and forest. Iris goes first, so that the second call, which is the one with a goal, pays for no
import.
"""

from __future__ import annotations

import json
import sys
import time
from pathlib import Path

import joblib
import numpy as np

import daytwo


def main() -> None:
    folder, registry = Path(sys.argv[1]), sys.argv[2]
    seconds = {}
    for name in sys.argv[3:] or ("iris", "forest"):
        model = joblib.load(folder / name / "model.joblib")
        rows, labels = np.load(folder / name / "rows.npy"), np.load(folder / name / "labels.npy")
        start = time.perf_counter()
        daytwo.pack(model, rows, labels, name=name, registry=registry, compile="require")
        seconds[name] = time.perf_counter() - start
    print(json.dumps(seconds))


if __name__ == "__main__":
    main()
