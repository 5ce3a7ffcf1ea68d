"""Whether a server answers as the bundle says: its examples, asked over the wire."""

from __future__ import annotations

import json
from typing import Any

import numpy as np

from daytwo.batch import Batch
from daytwo.bundle import Bundle
from daytwo.errors import DaytwoError, ExamplesFailed, OutsideFailure
from daytwo.loadtest.bodies import Bodies, from_batch
from daytwo.loadtest.driver import Address
from daytwo.loadtest.target import ask
from daytwo.signature import Field

#: The examples are asked in requests of this many rows.
_ROWS = 100
_TIMEOUT_S = 120.0


def verify(address: Address, bundle: Bundle) -> int:
    """Ask for the bundle's examples; how many rows came out as they did when it was packed.

    Raises ExamplesFailed where one did not, OutsideFailure where the server did not answer with predictions.
    """
    examples = bundle.examples()
    bodies = from_batch(bundle.signature, examples.inputs)
    wanted = "&probabilities=true" if "?" in address.path else "?probabilities=true"
    parts = []
    for start in range(0, examples.rows, _ROWS):
        body = Bodies(bodies.rows[start : start + _ROWS])
        status, raw = ask(address, "POST", address.path + wanted, body.of(len(body.rows))[0], _TIMEOUT_S)
        if status != 200:
            raise OutsideFailure(f"the server answered the bundle's own examples with {status}: {raw[:200].decode()}")
        parts.append(_outputs(json.loads(raw), bundle.signature.outputs))
    if parts and (failures := examples.compare(Batch.stack(parts))):
        raise ExamplesFailed(bundle.reference, failures)
    return examples.rows


def _outputs(document: Any, fields: tuple[Field, ...]) -> Batch:
    """An answer of the native dialect, as the Batch that it was."""
    try:
        rows = document.get("predictions", [document])
        columns = document.get("columns") or {field.name: [row[field.name] for row in rows] for field in fields}
        return Batch.from_columns({field.name: _column(field, columns[field.name]) for field in fields})
    except (KeyError, TypeError, ValueError, AttributeError, DaytwoError) as error:
        raise OutsideFailure(f"the server's answer cannot be read ({type(error).__name__}: {error})") from None


def _column(field: Field, values: list[Any]) -> Any:
    plain = [list(value.values()) if isinstance(value, dict) else value for value in values]
    if field.kind == "f":  # null is NaN here, missing or not
        return np.array(plain, dtype=np.float64).astype(field.storage)
    return field.conform(plain)
