"""The smallest TorchServe handler for a scikit-learn model: all requests of a batch in one call."""

import json
from pathlib import Path
from typing import Any

import joblib
import numpy as np


class Handler:
    """What TorchServe calls with a list of requests."""

    def initialize(self, context: Any) -> None:
        folder = Path(context.system_properties["model_dir"])
        self.model = joblib.load(folder / context.manifest["model"]["serializedFile"])

    def handle(self, requests: list[dict[str, Any]], context: Any) -> list[dict[str, float]]:
        rows = [_object(request)["feature_vector"] for request in requests]
        return [{"value": value} for value in self.model.predict(np.asarray(rows)).tolist()]


def _object(request: dict[str, Any]) -> dict[str, Any]:
    body = request.get("body") or request.get("data")
    return body if isinstance(body, dict) else json.loads(body)
