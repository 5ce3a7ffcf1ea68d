"""The smallest BentoML service: one batchable method."""

import os

import bentoml
import joblib
import numpy as np


@bentoml.service(workers=1)
class Served:
    """Loads the model once in its one worker."""

    def __init__(self) -> None:
        self.model = joblib.load(os.environ["MODEL"])

    @bentoml.api(batchable=True)
    def predict(self, rows: np.ndarray) -> np.ndarray:
        return self.model.predict(rows)
