"""The native dialect: plain JSON with the model's own field names.

A request is one of

    {"feature_vector": [5.1, 3.5, 1.4, 0.2]}           one row, by position
    {"feature_vectors": [[5.1, …], [6.2, …]]}          rows, by position
    {"age": 34, "plan": "pro"}                         one row, by name
    [{"age": 34, …}, …]  or  {"records": [{…}, …]}     rows, by name
    {"columns": {"age": [34, 51], "plan": [...]}}      columns

Bytes are validated by pydantic's compiled core against types generated from the Signature. Which form it is, is
guessed from the bytes and proven by the validation. A body that fails, or is long, is parsed into plain values first:
then its own keys say which form it is, and what is wrong can be said in the caller's words.
"""

from __future__ import annotations

import gc
import json
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
from pydantic import ValidationError
from pydantic_core import from_json, to_json

from daytwo.batch import Array, Batch
from daytwo.dialects import MEDIA_TYPES, Answer, Payload, Request
from daytwo.dialects._explain import Explainer
from daytwo.dialects._schema import FormType, RequestTypes, word
from daytwo.errors import InvalidInput, MalformedBody
from daytwo.signature import Field, Signature

_HEADERS = ((b"content-type", MEDIA_TYPES["native"].encode()),)
#: From this many bytes on a body is parsed into plain values: pydantic's own tree of 32 MiB of wrong ones takes 1 GB.
_LONG_BYTES = 64 * 1024
#: Likewise a record of so many fields: pydantic copies all of it into the error about each field that is missing.
_MANY_FIELDS = 200


class NativeDialect:
    """Bytes to Request and Answer to bytes, for one model.

    max_rows: the most rows that one request may carry
    """

    def __init__(self, signature: Signature, *, model: str, version: str, max_rows: int = 10_000) -> None:
        self.signature = signature
        self.types = RequestTypes(signature, max_rows, f"{word(model)}V{word(version)}")
        self._names = signature.names
        self._matrix_dtype = signature.matrix_dtype
        shortcut = signature.matrix_dtype is not None and "feature_vector" in self.types.envelopes
        self._vector = self.types.forms["feature_vector"].validator.validate_json if shortcut else None
        self._tail = f',"model":{json.dumps(model)},"version":{json.dumps(version)}}}'.encode()
        always = tuple(item for item in signature.outputs if item.name != "probabilities") or signature.outputs
        self._lists = {item.name: _list_writer(item) for item in always}
        probabilities = signature.output("probabilities")
        self._probabilities = _list_writer(probabilities) if probabilities else None
        only = always[0] if len(always) == 1 and not always[0].shape else None
        self._scalar = _scalar_writer(only) if only else None
        self._only = only.name if only else ""
        self._head = b"{%b:" % _json(self._only)

    # -- in ------------------------------------------------------------------------------------------------------

    def decode(self, body: bytes | bytearray) -> Request:
        """The Request in ``body``. Raises MalformedBody, InvalidInput, TooManyRows."""
        if len(body) > _LONG_BYTES:
            return self._decode_parsed(body)
        if self._vector is not None and b'"feature_vector"' in body:
            try:
                said = self._vector(body)
            except ValidationError:
                return self._decode_parsed(body)
            matrix = np.array((said["feature_vector"],), self._matrix_dtype)
            ids = (said["prediction_id"],) if "prediction_id" in said else None
            return Request(Batch(self._names, 1, None, matrix), "row", ids)
        if len(self._names) > _MANY_FIELDS:
            return self._decode_parsed(body)
        form = self.types.guess(body)
        try:
            said = form.validator.validate_json(body)
        except ValidationError:
            return self._decode_parsed(body)
        return self._request(form, said)

    def _decode_parsed(self, body: bytes | bytearray) -> Request:
        """As decode; slower for a short body that is right, and the one that knows what is wrong."""
        parsed = _parse(body)
        form = self.types.by_keys(parsed)
        explainer = Explainer(parsed, form, self.types)
        explainer.refuse_at_sight()
        try:
            said = form.validator.validate_python(parsed)
        except ValidationError as error:
            raise explainer.explain(error) from None
        return self._request(form, said)

    def _request(self, form: FormType, said: Any) -> Request:
        return getattr(self, f"_{form.name}")(said)  # type: ignore[no-any-return]  # one method a form, below

    def _feature_vector(self, said: dict[str, Any]) -> Request:
        return Request(self._from_rows([said["feature_vector"]]), "row", _one_id(said))

    def _feature_vectors(self, said: dict[str, Any]) -> Request:
        return Request(self._from_rows(said["feature_vectors"]), "rows", _row_ids(said, len(said["feature_vectors"])))

    def _record(self, said: dict[str, Any]) -> Request:
        ids = _one_id(said) if self.types.ids else None
        return Request(self._from_records([said]), "row", ids)

    def _list(self, said: list[dict[str, Any]]) -> Request:
        ids = [record.get("prediction_id") for record in said] if self.types.ids else []
        return Request(self._from_records(said), "rows", ids if any(ids) else None)

    def _records(self, said: dict[str, Any]) -> Request:
        request = self._list(said["records"])
        if "prediction_id" in said:
            request.prediction_ids = _row_ids(said, request.batch.rows)
        return request

    def _columns_form(self, said: dict[str, Any]) -> Request:
        columns = said["columns"]
        sizes = {name: len(columns[name]) for name in self._names}
        rows = sizes[self._names[0]]
        if any(size != rows for size in sizes.values()):
            got = ", ".join(f"{name} has {size}" for name, size in list(sizes.items())[:6])
            raise InvalidInput.at("columns", "columns with the same number of rows", got)
        built = {item.name: np.array(columns[item.name], item.storage) for item in self.signature.inputs}
        return Request(self.signature.assemble(built), "columns", _row_ids(said, rows))

    def _from_rows(self, rows: list[Any]) -> Batch:
        if self._matrix_dtype is not None:
            return Batch.from_matrix(self._names, np.array(rows, self._matrix_dtype))
        return self._from_columns(list(zip(*rows, strict=True)))

    def _from_records(self, records: list[dict[str, Any]]) -> Batch:
        if self._matrix_dtype is not None:
            rows = [[record[name] for name in self._names] for record in records]
            return Batch.from_matrix(self._names, np.array(rows, self._matrix_dtype))
        return self._from_columns([[record[name] for record in records] for name in self._names])

    def _from_columns(self, columns: Sequence[Sequence[Any]]) -> Batch:
        pairs = zip(self.signature.inputs, columns, strict=True)
        return Batch.from_columns({item.name: np.array(values, item.storage) for item, values in pairs})

    # -- out -----------------------------------------------------------------------------------------------------

    def encode(self, answer: Answer) -> Payload:
        """An Answer as JSON. NaN and infinity become null."""
        ids = answer.prediction_ids
        if answer.form == "row" and self._scalar is not None and not answer.probabilities:
            value = self._scalar(answer.outputs[self._only][0])
            body = b'%b%b,"prediction_id":"%b"%b' % (self._head, value, ids[0].encode(), self._tail)
            return Payload(body, _HEADERS)
        return Payload(self._encode_many(answer), _HEADERS)

    def _encode_many(self, answer: Answer) -> bytes:
        columns = {name: write(answer.outputs[name]) for name, write in self._lists.items()}
        if answer.probabilities and self._probabilities is not None:
            columns["probabilities"] = self._probabilities(answer.outputs["probabilities"])
        columns["prediction_id"] = list(answer.prediction_ids)
        if answer.form == "columns":
            return b'{"columns":' + _json(columns) + self._tail
        rows = [dict(zip(columns, values, strict=True)) for values in zip(*columns.values(), strict=True)]
        if answer.form == "row":
            return _json(rows[0])[:-1] + self._tail
        return b'{"predictions":' + _json(rows) + self._tail


def _parse(body: bytes | bytearray) -> Any:
    """The body as plain Python values. Raises MalformedBody."""
    collecting = gc.isenabled()
    gc.disable()  # nothing of it can be garbage yet, and looking at ten million lists for some takes five seconds
    try:
        return from_json(body)
    except ValueError as error:
        raise MalformedBody.at("body", "JSON", str(error) if body.strip() else "nothing") from None
    finally:
        if collecting:
            gc.enable()


def _json(value: Any) -> bytes:
    return to_json(value, inf_nan_mode="null")


def _one_id(said: dict[str, Any]) -> tuple[str, ...] | None:
    return (said["prediction_id"],) if isinstance(said.get("prediction_id"), str) else None


def _row_ids(said: dict[str, Any], rows: int) -> list[str | None] | None:
    """One id for a request of several rows becomes ``id-0``, ``id-1``, …; a list of ids is one a row."""
    given = said.get("prediction_id")
    if given is None:
        return None
    if isinstance(given, str):
        return [f"{given}-{row}" for row in range(rows)] if rows > 1 else [given]
    if len(given) != rows:
        raise InvalidInput.at("prediction_id", f"one id, or {rows} of them, one a row", f"{len(given)} ids")
    return list(given)


def _scalar_writer(item: Field) -> Callable[[Any], bytes]:
    """One output value as JSON bytes; labels are looked up, since there are few of them."""
    if item.kind == "f" and not item.categories:
        return _write_float
    labels = {label: _json(label) for label in item.categories or ()}

    def write(value: Any) -> bytes:
        known = labels.get(value)
        return known if known is not None else _json(item.plain(np.array([value], item.storage))[0])

    return write


def _write_float(value: Any) -> bytes:
    number = float(value)
    return repr(number).encode() if number - number == 0.0 else b"null"


def _list_writer(item: Field) -> Callable[[Array], list[Any]]:
    """A column of outputs as the values that JSON will show; probabilities by the names of their classes."""
    if item.name == "probabilities" and item.categories and item.shape == (len(item.categories),):
        classes = [label if isinstance(label, str) else _json(label).decode() for label in item.categories]
        return lambda column: [dict(zip(classes, row, strict=True)) for row in column.tolist()]
    if item.kind == "M" or (item.kind in "biu" and item.storage.kind == "f"):
        return item.plain
    return lambda column: column.tolist()
