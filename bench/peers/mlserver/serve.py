"""MLServer with its own scikit-learn runtime.

python serve.py PORT GRPC_PORT METRICS_PORT PARALLEL_WORKERS
"""

import json
import os
import sys
from pathlib import Path

port, grpc_port, metrics_port, workers = map(int, sys.argv[1:])
settings = {
    "host": "127.0.0.1",
    "http_port": port,
    "grpc_port": grpc_port,
    "metrics_port": metrics_port,
    "parallel_workers": workers,
    "debug": False,
}
model = {"name": "m", "implementation": "mlserver_sklearn.SKLearnModel", "parameters": {"uri": "./model.joblib"}}
Path("settings.json").write_text(json.dumps(settings), encoding="utf-8")
Path("model-settings.json").write_text(json.dumps(model), encoding="utf-8")
program = str(Path(sys.executable).with_name("mlserver"))
os.execv(program, [program, "start", "."])
