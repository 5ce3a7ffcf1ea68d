"""The OpenAPI document and the description of a model: its own fields, types, ranges, and an example that works."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from pydantic import TypeAdapter

from daytwo.batch import Batch
from daytwo.bundle import Bundle
from daytwo.dialects import MEDIA_TYPES
from daytwo.dialects._schema import PREDICTION_ID, word
from daytwo.serving.encodings import ENCODINGS
from daytwo.serving.endpoint import Endpoint
from daytwo.serving.problems import CONTENT_TYPE, TABLE
from daytwo.serving.service import Served, Service
from daytwo.signature import Field

_SCHEMAS = "#/components/schemas/{model}"


def document(base: dict[str, Any], service: Service) -> dict[str, Any]:
    """``base`` (what FastAPI wrote) with a documented path for every model."""
    schemas = base.setdefault("components", {}).setdefault("schemas", {})
    schemas["Problem"] = _PROBLEM
    paths: dict[str, Any] = {}
    for endpoint, served in zip(service.catalog, service.served, strict=True):
        operation = _operation(endpoint, served, schemas)
        name, version = word(endpoint.name), word(endpoint.version)
        if endpoint is service.catalog.default:
            paths["/predict"] = _named(operation, "predict")
        if endpoint is service.catalog.find(endpoint.name):
            paths[f"/models/{endpoint.name}/predict"] = _named(operation, f"predict{name}")
        path = f"/models/{endpoint.name}/versions/{endpoint.version}/predict"
        paths[path] = _named(operation, f"predict{name}V{version}")
    base["paths"] = paths | base["paths"]
    return base


def describe_model(endpoint: Endpoint, bundle: Bundle | None, *, brief: bool = False) -> dict[str, Any]:
    """What ``GET /models/{name}`` answers; ``brief`` leaves the signature out."""
    predictor = endpoint.predictor
    out: dict[str, Any] = {
        "name": endpoint.name,
        "version": endpoint.version,
        "ready": predictor is not None,
        "runtime": predictor.runtime if predictor else None,
    }
    if bundle is not None:
        manifest = bundle.manifest
        out |= {"digest": bundle.digest, "task": manifest.task, "created": manifest.created,
                "metrics": dict(manifest.metrics)}  # fmt: skip
    return out if brief else out | {"signature": endpoint.signature.to_json()}


def example_bodies(endpoint: Endpoint, example: Batch) -> dict[str, Any]:
    """One request in each form, made of the first rows of ``example``; what a form cannot say is left out."""
    types = endpoint.translator.native.types
    columns = {item.name: item.plain(example[item.name]) for item in endpoint.signature.inputs}
    rows = list(zip(*columns.values(), strict=True))[:2]
    records = [dict(zip(columns, row, strict=True)) for row in rows]
    said: dict[str, Any] = {
        "feature_vector": {"feature_vector": list(rows[0])},
        "record": records[0],
        "list": records,
        "columns_form": {"columns": {name: values[: len(rows)] for name, values in columns.items()}},
    }
    return {name: body for name, body in said.items() if types.by_keys(body) is types.forms[name]}


def _operation(endpoint: Endpoint, served: Served, schemas: dict[str, Any]) -> dict[str, Any]:
    forms = endpoint.translator.native.types.forms
    adapters: list[tuple[str, Any, TypeAdapter[Any]]] = [(n, "validation", f.adapter) for n, f in forms.items()]
    by_form, shared = TypeAdapter.json_schemas(adapters, ref_template=_SCHEMAS)
    schemas.update(shared.get("$defs", {}))
    bodies = example_bodies(endpoint, served.example)
    titles = {"feature_vector": "one row, by position", "record": "one row, by name", "list": "rows, by name",
              "columns_form": "columns"}  # fmt: skip
    content = {
        "schema": {"anyOf": [by_form[name, "validation"] for name in forms]},
        "examples": {name: {"summary": titles[name], "value": body} for name, body in bodies.items()},
    }
    return {
        "tags": ["predict"],
        "summary": f"Predict with {endpoint.name}:{endpoint.version}",
        "parameters": [_PROBABILITIES, _PREDICTION_ID, _CONTENT_ENCODING],
        "requestBody": {"required": True, "content": {MEDIA_TYPES["native"]: content} | _arrays(_ARRAYS_IN)},
        "responses": _responses(endpoint, served.example),
    }


def _responses(endpoint: Endpoint, example: Batch) -> dict[str, Any]:
    answer = {
        "description": "The answer to one row; to rows: `predictions`; to columns: `columns`.",
        "content": {MEDIA_TYPES["native"]: {"schema": _answer_schema(endpoint)}} | _arrays(_ARRAYS_OUT),
    }
    problems = {
        str(status): {"description": title, "content": {CONTENT_TYPE: {"schema": {"$ref": _ref("Problem")}}}}
        for _, status, _, title in reversed(TABLE)
        if status != 404
    }
    return {"200": answer} | problems


def _answer_schema(endpoint: Endpoint) -> dict[str, Any]:
    own = {item.name: _output_schema(item) for item in endpoint.signature.outputs}
    text = {"type": "string"}
    row = {"type": "object", "properties": own | {"prediction_id": text, "model": text, "version": text}}
    one = {"type": "object", "properties": own | {"prediction_id": text}}
    rows = {"type": "object", "properties": {"predictions": {"type": "array", "items": one}, "model": text,
                                             "version": text}}  # fmt: skip
    columns = {name: {"type": "array", "items": schema} for name, schema in (own | {"prediction_id": text}).items()}
    by_column = {"type": "object", "properties": {"columns": {"type": "object", "properties": columns}, "model": text,
                                                  "version": text}}  # fmt: skip
    return {"anyOf": [row, rows, by_column]}


def _output_schema(item: Field) -> dict[str, Any]:
    if item.name == "probabilities" and item.categories:
        return {"type": "object", "additionalProperties": {"type": "number"}, "description": "with ?probabilities=true"}
    kind = {"bool": "boolean", "string": "string", "datetime": "string"}.get(item.dtype)
    schema: dict[str, Any] = {"type": kind or ("number" if item.dtype.startswith("float") else "integer")}
    if item.categories and not item.shape:
        schema["enum"] = list(item.categories)
    for _ in item.shape:
        schema = {"type": "array", "items": schema}
    return schema


def _arrays(said: Mapping[str, str]) -> dict[str, Any]:
    """The media types of arrays, which have no schema that JSON could tell."""
    return {
        MEDIA_TYPES[name]: {"schema": {"type": "string", "format": "binary", "description": text}}
        for name, text in said.items()
    }


def _named(operation: Mapping[str, Any], name: str) -> dict[str, Any]:
    return {"post": {**operation, "operationId": name}}


def _ref(name: str) -> str:
    return _SCHEMAS.format(model=name)


_PROBABILITIES = {
    "name": "probabilities", "in": "query", "required": False, "schema": {"type": "boolean", "default": False},
    "description": "whether to answer with the probability of each class too",
}  # fmt: skip
_ARRAYS_IN = {
    "arrow": "an Arrow IPC stream; its columns have the fields' names",
    "npy": "what numpy.save writes: shape (rows, fields) by position, or an array of records by name",
}
_ARRAYS_OUT = {
    "arrow": "an Arrow IPC stream: a column for each output, and prediction_id",
    "npy": "what numpy.load reads: the output of each row; with ?probabilities=true the probabilities instead",
}
_CONTENT_ENCODING = {
    "name": "Content-Encoding", "in": "header", "required": False,
    "schema": {"type": "string", "enum": list(ENCODINGS)},
    "description": "what the body is compressed with",
}  # fmt: skip
_PREDICTION_ID = {
    "name": "X-Prediction-Id", "in": "header", "required": False,
    "schema": {"type": "string", "pattern": PREDICTION_ID},
    "description": "your own id for the prediction; it is kept",
}  # fmt: skip
_PROBLEM = {
    "type": "object",
    "description": "RFC 9457 problem details",
    "properties": {
        "type": {"type": "string", "example": "urn:daytwo:error:invalid-input"},
        "title": {"type": "string"},
        "status": {"type": "integer"},
        "detail": {"type": "string"},
        "errors": {
            "type": "array",
            "items": {
                "type": "object",
                "properties": {"field": {"type": "string"}, "expected": {"type": "string"}, "got": {"type": "string"}},
            },
        },
    },
}
