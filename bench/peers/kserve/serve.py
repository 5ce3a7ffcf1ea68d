"""The smallest KServe model, on loopback.

python serve.py --http_port PORT …
"""

import argparse
from typing import Any

import joblib
import numpy as np
import uvicorn
from kserve import Model, ModelServer, model_server

CONFIG = uvicorn.Config.__init__


def on_loopback(self: uvicorn.Config, *args: Any, **options: Any) -> None:
    """Its REST server names 0.0.0.0 in the source; a benchmark does not open a port to the network."""
    CONFIG(self, *args, **(options | {"host": "127.0.0.1", "access_log": False}))


class Served(Model):
    """Rows in, values out."""

    def load(self) -> bool:
        self.model = joblib.load("model.joblib")
        self.ready = True
        return self.ready

    def predict(self, payload: dict[str, Any], headers: dict[str, str] | None = None, **_: Any) -> dict[str, Any]:
        return {"predictions": self.model.predict(np.asarray(payload["instances"])).tolist()}


if __name__ == "__main__":
    uvicorn.Config.__init__ = on_loopback
    arguments, _ = argparse.ArgumentParser(parents=[model_server.parser]).parse_known_args()
    served = Served("m")
    served.load()
    ModelServer(http_port=arguments.http_port, enable_grpc=False, workers=1).start([served])
