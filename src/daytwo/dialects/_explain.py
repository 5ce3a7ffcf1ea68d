"""Pydantic's errors as daytwo's: which field, what was expected, what came."""

from __future__ import annotations

from typing import Any

from pydantic import ValidationError

from daytwo.dialects._schema import FormType
from daytwo.errors import InvalidInput, MalformedBody, Problem, TooManyRows, brief
from daytwo.signature import Field, Signature

_MAX_PROBLEMS = 20


def explain(error: ValidationError, signature: Signature, form: FormType, max_rows: int) -> InvalidInput:
    """The InvalidInput (MalformedBody, TooManyRows) that ``error`` means."""
    problems: dict[str, Problem] = {}
    for detail in error.errors(include_url=False):
        kind, loc = detail["type"], detail["loc"]
        if kind == "json_invalid":
            return MalformedBody.at("body", "JSON", detail["msg"].removeprefix("Invalid JSON: "))
        if kind == "too_long" and _is_rows(loc, form):
            return TooManyRows(max_rows, int(detail["ctx"]["actual_length"] or max_rows + 1))
        path, item = _locate(loc, signature, form)
        problem = _problem(path, item, detail, signature)
        problems.setdefault(problem.field, problem)
    return InvalidInput(list(problems.values())[:_MAX_PROBLEMS])


def _is_rows(loc: tuple[int | str, ...], form: FormType) -> bool:
    """Whether ``loc`` is a list of rows, and not the values of one."""
    depth = {"list": 0, "records": 1, "feature_vectors": 1, "columns_form": 2}.get(form.name)
    return depth is not None and len(loc) == depth


def _locate(loc: tuple[int | str, ...], signature: Signature, form: FormType) -> tuple[str, Field | None]:
    """The caller's path to the value, and the field it belongs to. Pydantic's own tags after the field are dropped."""
    path, item, by_position = "", None, form.name.startswith("feature_vector")
    for part in loc:
        if isinstance(part, int):
            path += f"[{part}]"
            row_index = form.name == "feature_vectors" and path.count("[") == 1
            if by_position and item is None and not row_index and part < len(signature.inputs):
                item = signature.inputs[part]
        elif item is None:
            path += f".{part}" if path else part
            item = next((f for f in signature.inputs if f.name == part and not by_position), None)
    return path, item


def _problem(path: str, item: Field | None, detail: Any, signature: Signature) -> Problem:
    kind, value = detail["type"], detail["input"]
    if kind == "extra_forbidden":
        name = str(detail["loc"][-1])
        if name in signature.names:
            return Problem(path, "values by position or by name, not both", "a field beside the feature vector")
        return Problem(path, signature.name_problems([name])[0].expected, "an unknown field")
    if kind == "missing":
        return Problem(path, item.expected if item else "a value", "nothing: the field is missing")
    if kind in ("too_short", "too_long") and isinstance(value, list) and item is None:
        return _wrong_length(path, value, signature)
    if item is not None:
        named = f" ({item.name})" if item.name not in path else ""
        return Problem(path, item.expected + named, brief(value))
    if path.endswith("prediction_id"):
        return Problem(path, "1 to 128 letters, digits, '.', '_', ':' or '-'", brief(value))
    if kind in ("dict_type", "model_type", "typed_dict_type") or not path:
        return Problem(path or "body", "a JSON object with the model's fields", brief(value))
    return Problem(path, "a list", brief(value))


def _wrong_length(path: str, value: list[Any], signature: Signature) -> Problem:
    if "feature_vector" in path and (path == "feature_vector" or path.endswith("]")):
        names = ", ".join(signature.names[:8]) + (", …" if len(signature.names) > 8 else "")
        return Problem(path, f"{len(signature.names)} values ({names})", f"{len(value)}")
    return Problem(path or "body", "at least 1 row", "none")
