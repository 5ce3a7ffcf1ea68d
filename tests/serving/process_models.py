"""What model processes load: it has to be importable there."""

from __future__ import annotations

import os
import signal
import time

import numpy as np

from daytwo.batch import Batch
from daytwo.predictor import Predictor
from serving.service import LINE


class Moody:
    """1000·a + b, and what its name says for b below 0."""

    releases_gil = False

    def predict(self, batch: Batch) -> Batch:
        worst = float(batch["b"].min())
        if worst == -1:
            raise ValueError("this row is poison")
        if worst == -2:
            os.kill(os.getpid(), signal.SIGSEGV)
        if worst == -3:
            time.sleep(60)
        if worst == -4:
            return Batch.from_columns({"value": np.array([lambda: None] * batch.rows)})
        if worst == -5:
            return Batch.from_columns({"value": np.full(batch.rows, float(os.getpid()))})
        return Batch.from_columns({"value": batch["a"] * 1000.0 + batch["b"]})


class Slow(Moody):
    """Slow enough for a process of its own."""

    def predict(self, batch: Batch) -> Batch:
        time.sleep(0.003)
        return super().predict(batch)


def moody() -> Predictor:
    return Predictor(Moody(), LINE, name="moody", version="1", runtime="python")


def slow() -> Predictor:
    return Predictor(Slow(), LINE, name="slow", version="1", runtime="python")


def broken() -> Predictor:
    raise FileNotFoundError("its weights are gone")


def crashing() -> Predictor:
    os._exit(7)
