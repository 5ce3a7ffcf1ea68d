"""The smallest LitServe service.

python serve.py PORT MAX_BATCH_SIZE
"""

import sys
from typing import Any

import joblib
import litserve
import numpy as np


class Served(litserve.LitAPI):
    """One row by position in, one value out; joined to a batch where that is wanted."""

    def setup(self, device: str) -> None:
        self.model = joblib.load("model.joblib")

    def decode_request(self, request: dict[str, Any]) -> np.ndarray:
        return np.asarray(request["feature_vector"])

    def predict(self, x: np.ndarray) -> np.ndarray:
        return self.model.predict(x.reshape(-1, x.shape[-1]))

    def encode_response(self, output: Any) -> dict[str, float]:
        return {"value": np.asarray(output).item()}


if __name__ == "__main__":
    port, rows = map(int, sys.argv[1:])
    api = Served(max_batch_size=rows, batch_timeout=0.005 if rows > 1 else 0.0)
    server = litserve.LitServer(api, accelerator="cpu", workers_per_device=1, fast_queue=True)
    server.run(host="127.0.0.1", port=port, num_api_servers=1, generate_client_file=False, log_level="warning")
