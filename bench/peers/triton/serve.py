"""The smallest service on Triton through nvidia-pytriton.

python serve.py PORT GRPC_PORT METRICS_PORT
"""

import signal
import sys
from pathlib import Path

import joblib
import numpy as np
from pytriton.decorators import batch
from pytriton.model_config import DynamicBatcher, ModelConfig, Tensor
from pytriton.triton import Triton, TritonConfig

model = joblib.load("model.joblib")


@batch
def predict(x: np.ndarray) -> list[np.ndarray]:
    """Rows in, one value each out."""
    return [model.predict(x).reshape(-1, 1).astype(np.float64)]


if __name__ == "__main__":
    signal.signal(signal.SIGTERM, signal.default_int_handler)  # it ends by itself on the other signal only
    port, grpc_port, metrics_port = map(int, sys.argv[1:])
    config = TritonConfig(
        http_address="127.0.0.1", grpc_address="127.0.0.1", metrics_address="127.0.0.1",
        http_port=port, grpc_port=grpc_port, metrics_port=metrics_port, log_verbose=0,
    )  # fmt: skip
    with Triton(config=config, workspace=str(Path.cwd() / "triton")) as triton:
        triton.bind(
            model_name="m",
            infer_func=predict,
            inputs=[Tensor(name="x", dtype=np.float64, shape=(model.n_features_in_,))],
            outputs=[Tensor(name="y", dtype=np.float64, shape=(1,))],
            config=ModelConfig(max_batch_size=256, batcher=DynamicBatcher(max_queue_delay_microseconds=0)),
        )
        triton.serve()
