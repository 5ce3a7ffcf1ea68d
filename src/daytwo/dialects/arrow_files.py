"""Files of tables as the Arrow streams that a server takes: Parquet, and Arrow's own file format (Feather)."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import pyarrow as pa
from pyarrow import ipc, parquet

from daytwo.errors import MalformedBody, brief


def _of_parquet(data: bytes) -> Any:
    return parquet.read_table(pa.BufferReader(data))


def _of_file(data: bytes) -> Any:
    return ipc.open_file(pa.BufferReader(data)).read_all()


_READERS: Mapping[str, Callable[[bytes], Any]] = {".parquet": _of_parquet, ".arrow": _of_file, ".feather": _of_file}


def stream_of(data: bytes, suffix: str) -> bytes:
    """The content of a file as an IPC stream. Raises MalformedBody where it is not what ``suffix`` says.

    suffix: ``.parquet``, ``.arrow`` or ``.feather``
    """
    try:
        table = _READERS[suffix](data)
    except (pa.ArrowException, OSError) as error:
        raise MalformedBody.at("body", f"a {suffix} file", brief(str(error), 200)) from None
    sink = pa.BufferOutputStream()
    with ipc.new_stream(sink, table.schema) as writer:
        writer.write_table(table)
    whole: bytes = sink.getvalue().to_pybytes()
    return whole
