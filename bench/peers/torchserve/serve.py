"""TorchServe in the foreground with the archive in ``store``.

python serve.py PORT MANAGEMENT_PORT METRICS_PORT GRPC_PORT GRPC_MANAGEMENT_PORT BATCH_SIZE
"""

import json
import os
import sys
from pathlib import Path

port, management, metrics, grpc, grpc_management, rows = map(int, sys.argv[1:])
model = {
    "defaultVersion": True, "marName": "m.mar", "minWorkers": 1, "maxWorkers": 1,
    "batchSize": rows, "maxBatchDelay": 2, "responseTimeout": 60,
}  # fmt: skip
config = {
    "inference_address": f"http://127.0.0.1:{port}",
    "management_address": f"http://127.0.0.1:{management}",
    "metrics_address": f"http://127.0.0.1:{metrics}",
    "grpc_inference_port": grpc,
    "grpc_management_port": grpc_management,
    "enable_metrics_api": "false",
    "disable_system_metrics": "true",
    "disable_token_authorization": "true",
    "job_queue_size": 1000,
    "model_store": "store",
    "load_models": "m.mar",
    "models": json.dumps({"m": {"1.0": model}}),
}
Path("config.properties").write_text("".join(f"{key}={value}\n" for key, value in config.items()), encoding="utf-8")
program = str(Path(sys.executable).with_name("torchserve"))
logging = str(Path(__file__).with_name("log4j2.xml"))
options = ["--foreground", "--start", "--ncs", "--ts-config", "config.properties", "--log-config", logging]
os.execv(program, [program, *options])
