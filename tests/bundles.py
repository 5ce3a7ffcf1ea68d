"""Whole bundles without a model library: the model is a few bytes, for what is under test is the artifact."""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

from daytwo.batch import Batch
from daytwo.bundle import Bundle, BundleWriter, Evidence, Examples, place, staged
from daytwo.registry.local import LocalRegistry
from daytwo.signature import Field, Signature

SIGNATURE = Signature(
    inputs=(Field("age", "int64", minimum=18, maximum=92), Field("plan", "string", categories=("basic", "pro"), missing=True)),
    outputs=(Field("class", "string", categories=("left", "stayed")),),
    container="pandas",
)  # fmt: skip
LOCK = {
    "python": "3.11",
    "serve": {"runtime": "onnx", "requires": ["numpy"], "packages": {"numpy": "2.0.0"}},
    "native": {"runtime": "sklearn", "requires": ["numpy"], "packages": {"numpy": "2.0.0"}},
    "daytwo": {"version": "0.1.0", "packages": {"fastapi": "0.115.0"}},
}
FIELDS: dict[str, Any] = {
    "task": "classification",
    "runtime": "sklearn",
    "compiled": (Evidence("onnx", accepted=True, rows=100, worst_error=3e-8, tolerance=1e-6, details={"opset": 21}),),
    "metrics": {"accuracy": 0.93},
    "executes": {"model/model.pkl": "a pickle"},
    "tags": {"team": "growth"},
    "rows": 100,
}


def examples() -> Examples:
    return Examples(
        Batch.from_columns({"age": np.array([20, 40, 60]), "plan": np.array(["basic", None, "pro"], dtype=object)}),
        Batch.from_columns({"class": np.array(["left", "stayed", "stayed"], dtype=object)}),
    )


def fill(writer: BundleWriter, model: bytes = b"not a model " * 40) -> BundleWriter:
    """Everything but the manifest."""
    writer.write_signature(SIGNATURE)
    writer.write_examples(examples())
    writer.write_reference({"rows": 100})
    writer.write_lock(LOCK)
    writer.write_bytes("model/model.pkl", model)
    writer.write_bytes("compiled/onnx/model.onnx", model[::-1])
    return writer


def make(target: Path, name: str = "churn", version: str = "1", **fields: Any) -> Path:
    """A bundle at ``target``."""
    with staged(target.parent) as writer:
        fill(writer).seal(name, version, **FIELDS | fields)
        place(writer, target)
    return target


def publish(registry: LocalRegistry, name: str = "churn", model: bytes = b"not a model " * 40, **fields: Any) -> Bundle:
    """The next version of ``name``."""
    with registry.stage(name) as writer:
        fill(writer, model)
        return registry.publish(writer, lambda version: writer.seal(name, version, **FIELDS | fields))


def forge(bundle: Path, change: Callable[[dict[str, Any]], None], *, text: Callable[[str], str] = str) -> None:
    """Change the manifest as somebody would who knows the format: its checksum is right again afterwards."""
    file = bundle / "manifest.json"
    file.chmod(0o644)
    document = json.loads(file.read_text())
    del document["checksum"]
    change(document)
    head = text(json.dumps(document, indent=2).removesuffix("\n}")) + ',\n  "checksum": "sha256:'
    file.write_text(head + hashlib.sha256(head.encode()).hexdigest() + '"\n}\n')


def forge_file(bundle: Path, path: str, data: bytes) -> None:
    """Replace a file, its entry in the manifest included."""
    (bundle / path).chmod(0o644)
    (bundle / path).write_bytes(data)

    def change(document: dict[str, Any]) -> None:
        entry = next(item for item in document["files"] if item["path"] == path)
        entry["sha256"], entry["size"] = hashlib.sha256(data).hexdigest(), len(data)

    forge(bundle, change)


def files(folder: Path) -> list[str]:
    """Every file and folder below ``folder``, hidden ones included."""
    return sorted(str(item.relative_to(folder)) for item in folder.rglob("*"))


def names(folder: Path) -> list[str]:
    """What is in ``folder`` itself."""
    return sorted(item.name for item in folder.iterdir())


def is_sentence(text: str) -> bool:
    """One line that a person can read: no stack trace, no bare repr of an exception, not endless."""
    return "\n" not in text and len(text) < 600 and not re.search(r"Traceback|Error\(|<class", text)
