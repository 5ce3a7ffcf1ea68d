"""The dialect of Apache Arrow's IPC stream: record batches whose columns have the fields' names, in any order.

The answer is a stream too: the model's outputs and ``prediction_id``; model and version stand in the schema's metadata,
and the classes that probabilities belong to in the metadata of their column.
"""

from __future__ import annotations

import json
import re
from collections.abc import Sequence

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from pyarrow import ipc

from daytwo.batch import DTYPES, Array, is_missing
from daytwo.dialects import MEDIA_TYPES, Answer, Payload, Request, RowIds
from daytwo.dialects._arrays import conform_rows, refuse_rows
from daytwo.dialects._arrow_columns import column_of, takes
from daytwo.dialects._arrow_messages import refuse_messages
from daytwo.dialects._schema import PREDICTION_ID
from daytwo.errors import MAX_PROBLEMS, InvalidInput, MalformedBody, Problem, brief
from daytwo.signature import Field, Signature

_ID = re.compile(PREDICTION_ID)
#: One thread reads one body: a server has other things to do with its cores.
_READ = ipc.IpcReadOptions(use_threads=False, ensure_alignment=ipc.Alignment.DataTypeSpecific)


class ArrowDialect:
    """Bytes to Request and Answer to bytes, for one model.

    max_rows: the most rows that one request may carry
    """

    def __init__(self, signature: Signature, *, model: str, version: str, max_rows: int = 1_000_000) -> None:
        self.signature = signature
        self._max_rows = max_rows
        self._ids = "prediction_id" not in signature.names
        self._outputs = tuple(item for item in signature.outputs if item.name != "probabilities") or signature.outputs
        self._probabilities = signature.output("probabilities")
        self._metadata = {b"model": model.encode(), b"version": version.encode()}
        self._headers = ((b"content-type", MEDIA_TYPES["arrow"].encode()),)

    def decode(self, body: bytes | bytearray) -> Request:
        """The Request in ``body``. Raises MalformedBody, InvalidInput, TooManyRows."""
        refuse_messages(body)
        try:
            table = self._table(body)
        except (pa.ArrowException, OSError, ValueError) as error:  # a ValueError: names that are no UTF-8
            raise MalformedBody.at("body", "an Arrow IPC stream", brief(str(error), 200)) from None
        try:
            columns = {item.name: column_of(table[item.name], item) for item in self.signature.inputs}
        except (pa.ArrowException, ValueError) as error:
            raise InvalidInput.at("body", "columns that can be read", brief(str(error), 200)) from None
        said = table["prediction_id"].to_pylist() if self._ids and "prediction_id" in table.column_names else None
        return Request(conform_rows(self.signature, columns), "columns", _checked(said) if said else None)

    def _table(self, body: bytes | bytearray) -> pa.Table:
        """The columns as they lie in ``body``, once their names and types fit and every offset in them is true."""
        with ipc.open_stream(pa.py_buffer(body), options=_READ) as reader:
            self._refuse_schema(reader.schema)
            batches = []
            rows = 0
            for batch in reader:
                rows += batch.num_rows
                if rows > self._max_rows:
                    refuse_rows(rows, self._max_rows)
                batch.validate(full=True)
                batches.append(batch)
        refuse_rows(rows, self._max_rows)
        return pa.Table.from_batches(batches)

    def _refuse_schema(self, schema: pa.Schema) -> None:
        """Raise InvalidInput for what names and types give away."""
        own = self._ids and "prediction_id" in schema.names
        names = [name for name in schema.names if not (own and name == "prediction_id")]
        problems = self.signature.name_problems(names)
        if len(set(schema.names)) < len(schema.names):
            twice = next(name for name in schema.names if schema.names.count(name) > 1)
            problems.append(Problem(twice[:100], "one column of this name", f"{schema.names.count(twice)}"))
        if own and not problems and not _is_text(schema.field("prediction_id").type):
            problems.append(Problem("prediction_id", "a column of texts", str(schema.field("prediction_id").type)))
        if not problems:
            kinds = [(item, schema.field(item.name).type) for item in self.signature.inputs]
            problems = [Problem(f.shown, f.expected, f"a column of {k}"[:100]) for f, k in kinds if not takes(k, f)]
        if problems:
            raise InvalidInput(problems)

    def encode(self, answer: Answer) -> Payload:
        """An Answer as one record batch."""
        arrays, fields = [], []
        shown = self._outputs
        if answer.probabilities and self._probabilities is not None and self._probabilities not in shown:
            shown = (*shown, self._probabilities)
        for item in shown:
            arrays.append(_array_of(answer.outputs[item.name], item))
            classes = {b"classes": json.dumps(item.categories).encode()} if item is self._probabilities else None
            fields.append(pa.field(item.name, arrays[-1].type, metadata=classes))
        arrays.append(_ids_array(answer.prediction_ids))
        fields.append(pa.field("prediction_id", pa.string()))
        schema = pa.schema(fields, self._metadata)
        sink = pa.BufferOutputStream()
        with ipc.new_stream(sink, schema) as writer:
            writer.write_batch(pa.record_batch(arrays, schema=schema))
        return Payload(sink.getvalue().to_pybytes(), self._headers)


def _is_text(kind: pa.DataType) -> bool:
    return bool(pa.types.is_string(kind) or pa.types.is_large_string(kind))


def _checked(ids: Sequence[str | None]) -> Sequence[str | None]:
    """The callers' own ids, which are as tame as those in JSON."""
    wrong = [(row, text) for row, text in enumerate(ids) if text is not None and not _ID.fullmatch(text)]
    if wrong:
        expected = "1 to 128 letters, digits, '.', '_', ':' or '-'"
        raise InvalidInput(
            [Problem(f"prediction_id[{row}]", expected, brief(text)) for row, text in wrong[:MAX_PROBLEMS]]
        )
    return ids


def _ids_array(ids: Sequence[str]) -> pa.Array:
    if not isinstance(ids, RowIds):
        return pa.array(ids, pa.string())
    rows = pc.cast(pa.array(np.arange(ids.rows)), pa.string())
    return pc.binary_join_element_wise(ids.base, rows, "-")


def _array_of(column: Array, item: Field) -> pa.Array:
    """An output as Arrow says it: what may be missing is null, instants are in UTC, tensors are lists of fixed size."""
    flat = column.reshape(-1)
    if item.kind == "M":
        array = pa.array(flat.astype("datetime64[us]"), pa.timestamp("us", "UTC"))
    elif item.kind == "O":
        array = pa.array(flat, pa.string(), from_pandas=True)
    else:
        plain = pa.from_numpy_dtype(DTYPES[item.dtype])
        array = pa.array(flat, mask=is_missing(flat)) if item.missing else pa.array(flat)
        array = array if array.type == plain else array.cast(plain)
    for size in reversed(column.shape[1:]):
        array = pa.FixedSizeListArray.from_arrays(array, size)
    return array
