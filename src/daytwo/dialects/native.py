"""The native dialect: plain JSON with the model's own field names.

A request is one of

    {"feature_vector": [5.1, 3.5, 1.4, 0.2]}           one row, by position
    {"feature_vectors": [[5.1, …], [6.2, …]]}          rows, by position
    {"age": 34, "plan": "pro"}                         one row, by name
    [{"age": 34, …}, …]  or  {"records": [{…}, …]}     rows, by name
    {"columns": {"age": [34, 51], "plan": [...]}}      columns

Bytes are validated by pydantic's compiled core against types generated from the Signature. Which form it is, is
guessed from the bytes and proven by the validation; only when that fails is the body parsed again to explain why.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
from pydantic import ValidationError
from pydantic_core import to_json

from daytwo.batch import Array, Batch
from daytwo.dialects import Answer, Request
from daytwo.dialects._explain import explain
from daytwo.dialects._schema import FormType, RequestTypes
from daytwo.errors import InvalidInput
from daytwo.signature import Field, Signature
from daytwo.tables import instant


class NativeDialect:
    """Bytes to Request and Answer to bytes, for one model.

    max_rows: the most rows that one request may carry
    """

    content_type = b"application/json"

    def __init__(self, signature: Signature, *, model: str, version: str, max_rows: int = 10_000) -> None:
        self.signature = signature
        self.types = RequestTypes(signature, max_rows, f"{model} {version}")
        self._vector = self.types.vector.validator.validate_json
        self._matrix_dtype = signature.matrix_dtype
        self._tail = f',"model":{json.dumps(model)},"version":{json.dumps(version)}}}'.encode()
        self._columns = [_column_builder(item) for item in signature.inputs]
        self._plain = tuple(item for item in signature.outputs if item.name != "probabilities")
        probabilities = signature.output("probabilities")
        self._classes = tuple(str(c) for c in (probabilities.categories or ())) if probabilities else ()
        self._scalar = _scalar_writer(self._plain[0]) if len(self._plain) == 1 and not self._plain[0].shape else None
        self._head = b'{"' + self._plain[0].name.encode() + b'":' if self._plain else b""

    # -- in ------------------------------------------------------------------------------------------------------

    def decode(self, body: bytes) -> Request:
        """The Request in ``body``. Raises MalformedBody, InvalidInput, TooManyRows."""
        if self._matrix_dtype is not None and b'"feature_vector"' in body:
            try:
                said = self._vector(body)
            except ValidationError:
                return self._decode_any(body)
            batch = Batch.from_matrix(self.signature.names, np.array((said["feature_vector"],), self._matrix_dtype))
            return Request(batch, "row", (said["prediction_id"],) if "prediction_id" in said else None)
        return self._decode_any(body)

    def _decode_any(self, body: bytes) -> Request:
        form = self.types.guess(body)
        try:
            said = form.validator.validate_json(body)
        except ValidationError as error:
            form, error = self._second_opinion(body, form.name, error)
            raise explain(error, self.signature, form, self.types.max_rows) from None
        return getattr(self, f"_{form.name}")(said)  # type: ignore[no-any-return]  # one method a form, below

    def _second_opinion(self, body: bytes, guessed: str, error: ValidationError) -> tuple[FormType, ValidationError]:
        """The form that the body's own keys name, and what is wrong with it as such."""
        try:
            form = self.types.by_keys(json.loads(body))
        except ValueError:
            return self.types.forms[guessed], error
        if form.name == guessed:
            return form, error
        try:
            form.validator.validate_json(body)
        except ValidationError as second:
            return form, second
        return form, error

    def _feature_vector(self, said: dict[str, Any]) -> Request:
        return Request(self._from_rows([said["feature_vector"]]), "row", _one_id(said))

    def _feature_vectors(self, said: dict[str, Any]) -> Request:
        return Request(self._from_rows(said["feature_vectors"]), "rows", _row_ids(said, len(said["feature_vectors"])))

    def _record(self, said: dict[str, Any]) -> Request:
        ids = _one_id(said) if self.types.ids else None
        return Request(self._from_records([said]), "row", ids)

    def _list(self, said: list[dict[str, Any]]) -> Request:
        ids = [record.get("prediction_id") for record in said] if self.types.ids else None
        return Request(self._from_records(said), "rows", ids)

    def _records(self, said: dict[str, Any]) -> Request:
        request = self._list(said["records"])
        if "prediction_id" in said:
            request.prediction_ids = _row_ids(said, request.batch.rows)
        return request

    def _columns_form(self, said: dict[str, Any]) -> Request:
        columns = said["columns"]
        sizes = {len(values) for values in columns.values()}
        if len(sizes) > 1:
            got = ", ".join(f"{name} has {len(values)}" for name, values in list(columns.items())[:6])
            raise InvalidInput.at("columns", "columns with the same number of rows", got)
        built = {f.name: build(columns[f.name]) for f, build in zip(self.signature.inputs, self._columns, strict=True)}
        return Request(self.signature.assemble(built), "columns", _row_ids(said, sizes.pop()))

    def _from_rows(self, rows: list[Any]) -> Batch:
        if self._matrix_dtype is not None:
            return Batch.from_matrix(self.signature.names, np.array(rows, self._matrix_dtype))
        return self._build(list(zip(*rows, strict=True)))

    def _from_records(self, records: list[dict[str, Any]]) -> Batch:
        names = self.signature.names
        if self._matrix_dtype is not None:
            return Batch.from_matrix(names, np.array([[r[n] for n in names] for r in records], self._matrix_dtype))
        return self._build([[record[name] for record in records] for name in names])

    def _build(self, columns: Sequence[Sequence[Any]]) -> Batch:
        pairs = zip(self.signature.names, self._columns, columns, strict=True)
        return Batch.from_columns({name: build(values) for name, build, values in pairs})

    # -- out -----------------------------------------------------------------------------------------------------

    def encode(self, answer: Answer) -> bytes:
        """An Answer as JSON. NaN becomes null."""
        ids = answer.prediction_ids
        if answer.form == "row" and self._scalar is not None and not answer.probabilities:
            value = answer.outputs[self._plain[0].name][0]
            return b'%b%b,"prediction_id":"%b"%b' % (self._head, self._scalar(value), ids[0].encode(), self._tail)
        columns = self._answer_columns(answer)
        columns["prediction_id"] = list(ids)
        if answer.form == "columns":
            return b'{"columns":' + _json(columns) + self._tail
        rows = [dict(zip(columns, values, strict=True)) for values in zip(*columns.values(), strict=True)]
        if answer.form == "row":
            return _json(rows[0])[:-1] + self._tail
        return b'{"predictions":' + _json(rows) + self._tail

    def _answer_columns(self, answer: Answer) -> dict[str, list[Any]]:
        columns = {item.name: _values(item, answer.outputs[item.name]) for item in self._plain}
        if answer.probabilities and "probabilities" in answer.outputs:
            values = answer.outputs["probabilities"].tolist()
            columns["probabilities"] = [dict(zip(self._classes, row, strict=True)) if self._classes else row
                                        for row in values]  # fmt: skip
        return columns


def _json(value: Any) -> bytes:
    return to_json(value, inf_nan_mode="null")


def _one_id(said: dict[str, Any]) -> tuple[str, ...] | None:
    return (said["prediction_id"],) if isinstance(said.get("prediction_id"), str) else None


def _row_ids(said: dict[str, Any], rows: int) -> list[str | None] | None:
    """One id for a request of many rows becomes ``id-0``, ``id-1``, …; a list of ids is one a row."""
    given = said.get("prediction_id")
    if given is None:
        return None
    if isinstance(given, str):
        return [f"{given}-{row}" for row in range(rows)]
    if len(given) != rows:
        raise InvalidInput.at("prediction_id", f"one id, or {rows} of them, one a row", f"{len(given)} ids")
    return list(given)


def _column_builder(item: Field) -> Callable[[Sequence[Any]], Array]:
    """Validated values of one field to a column as the Batch stores it."""
    storage = item.storage
    if item.dtype == "datetime":
        return lambda values: np.array([np.datetime64("NaT") if v is None else instant(v) for v in values], storage)
    if item.dtype == "string" and not item.shape:

        def text(values: Sequence[Any]) -> Array:
            column = np.empty(len(values), dtype=object)
            column[:] = values
            return column

        return text
    return lambda values: np.array(values, dtype=storage)


def _scalar_writer(item: Field) -> Callable[[Any], bytes]:
    """One output value as JSON bytes; labels are looked up, since there are few of them."""
    labels = {label: _json(label) for label in item.categories or ()}

    def write(value: Any) -> bytes:
        known = labels.get(value)
        return known if known is not None else _json(value.item() if isinstance(value, np.generic) else value)

    return write


def _values(item: Field, column: Array) -> list[Any]:
    if column.dtype.kind == "M":
        return [None if np.isnat(v) else str(v) for v in column]
    values: list[Any] = column.tolist()
    return values
