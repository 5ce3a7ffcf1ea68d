"""The smallest Ray Serve service, on a cluster of its own in this process tree.

    python serve.py PORT FOLDER plain|batched

FOLDER is for what Ray writes. It has to be a short one: there are Unix sockets below it, whose paths end at 107 bytes.
"""

import os
import sys
from pathlib import Path
from typing import Any

FOLDER = sys.argv[2]
for name, file in (
    ("CONFIG_FILE_LOC", "haproxy.cfg"),
    ("SOCKET_PATH", "admin.sock"),
    ("METRICS_SOCKET_PATH", "metrics.sock"),
    ("SERVER_STATE_FILE", "server-state"),
    ("SERVER_STATE_BASE", ""),
):
    os.environ[f"RAY_SERVE_HAPROXY_{name}"] = str(Path(FOLDER, "h", file))

import joblib  # noqa: E402
import numpy as np  # noqa: E402
import ray  # noqa: E402
from ray import serve  # noqa: E402
from starlette.requests import Request  # noqa: E402

MODEL = str(Path("model.joblib").resolve())


@serve.deployment(num_replicas=1, max_ongoing_requests=512, ray_actor_options={"num_cpus": 1})
class Plain:
    """One row, one call of the model."""

    def __init__(self, model: str) -> None:
        self.model = joblib.load(model)

    async def __call__(self, request: Request) -> dict[str, float]:
        row = (await request.json())["feature_vector"]
        return {"value": self.model.predict([row]).item()}


@serve.deployment(num_replicas=1, max_ongoing_requests=512, ray_actor_options={"num_cpus": 1})
class Batched:
    """Rows of many requests, one call of the model."""

    def __init__(self, model: str) -> None:
        self.model = joblib.load(model)

    @serve.batch(max_batch_size=64, batch_wait_timeout_s=0.005)
    async def predict(self, rows: list[list[float]]) -> list[float]:
        return self.model.predict(np.asarray(rows)).tolist()

    async def __call__(self, request: Request) -> dict[str, Any]:
        return {"value": await self.predict((await request.json())["feature_vector"])}


if __name__ == "__main__":
    ray.init(address="local", num_cpus=2, include_dashboard=False, _temp_dir=FOLDER, log_to_driver=False)
    serve.start(http_options={"host": "127.0.0.1", "port": int(sys.argv[1])})
    served = {"plain": Plain, "batched": Batched}[sys.argv[3]]
    serve.run(served.bind(MODEL), route_prefix="/predict", blocking=True)
