"""How each server wants one row asked and where its answer has the value: a body of JSON, and what is in another."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True)
class Form:
    """``wrap``: from a row to the object that asks it; ``unwrap``: from the object that answers to the value."""

    wrap: Callable[[list[float]], Any]
    unwrap: Callable[[Any], Any]

    def ask(self, row: list[float]) -> bytes:
        """The body that asks one row."""
        return json.dumps(self.wrap(row)).encode()

    def value(self, answer: bytes) -> float:
        """The class or number in the body of an answer; ValueError where it is not there."""
        try:
            return float(self.unwrap(json.loads(answer)))
        except (KeyError, IndexError, TypeError) as error:
            raise ValueError(f"no value in {answer[:200]!r}") from error


def _tensor(row: list[float]) -> dict[str, Any]:
    return {"inputs": [{"name": "x", "shape": [1, len(row)], "datatype": "FP64", "data": row}]}


def _first(value: Any) -> Any:
    """The one number in lists of one."""
    while isinstance(value, list):
        value = value[0]
    return value


def _by_name(answer: dict[str, Any]) -> Any:
    return answer["class"] if "class" in answer else answer["value"]


#: The article's own, which daytwo and the services written by hand speak too.
ARTICLE = Form(lambda row: {"feature_vector": row}, _by_name)
#: The Open Inference Protocol's JSON: MLServer, Triton.
V2 = Form(_tensor, lambda answer: _first(answer["outputs"][0]["data"]))
#: KServe's first protocol.
V1 = Form(lambda row: {"instances": [row]}, lambda answer: _first(answer["predictions"]))
#: MLflow's ``/invocations``.
MLFLOW = Form(lambda row: {"inputs": [row]}, lambda answer: _first(answer["predictions"]))
#: BentoML: the parameters of the method by name, its return value bare.
BENTOML = Form(lambda row: {"rows": [row]}, _first)

FORMS = {"article": ARTICLE, "v2": V2, "v1": V1, "mlflow": MLFLOW, "bentoml": BENTOML}
