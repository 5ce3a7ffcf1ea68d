"""What an Arrow stream's messages say before their bodies are read: how many there are, and whether they are packed.

Arrow can compress the buffers inside a message, each beside the size that it claims to unpack to, and allocates that
size at once. A small body would so become any amount of memory; a whole body may be compressed (Content-Encoding), where
it is unpacked within a limit.
"""

from __future__ import annotations

import struct

import pyarrow as pa
from pyarrow import ipc

from daytwo.errors import InvalidInput, MalformedBody, brief

#: Batches of sixteen rows up to a million of them. Beyond it the reading of heads costs more than that of rows.
_MAX_MESSAGES = 65_536
#: Positions in the tables of Message.fbs: of the header in a Message, of the batch in a DictionaryBatch, of the
#: compression in a RecordBatch.
_HEADER, _DATA, _COMPRESSION = 2, 1, 3


def refuse_messages(body: bytes | bytearray) -> None:
    """Raise for a stream of too many messages, or one whose buffers are compressed.

    Raises MalformedBody where the messages cannot be told apart, InvalidInput.
    """
    try:
        for number, message in enumerate(ipc.MessageReader.open_stream(pa.py_buffer(body))):
            if number > _MAX_MESSAGES:
                raise InvalidInput.at("body", f"at most {_MAX_MESSAGES:,} record batches", "more")
            if message.type != "schema" and _is_packed(memoryview(message.metadata), message.type):
                expected = "record batches without compression of their own (Content-Encoding may compress the whole)"
                raise InvalidInput.at("body", expected, "compressed buffers")
    except (pa.ArrowException, OSError, EOFError, struct.error, IndexError) as error:
        raise MalformedBody.at("body", "an Arrow IPC stream", brief(str(error), 200)) from None


def _is_packed(metadata: memoryview, kind: str) -> bool:
    """Whether the record batch in a message, or in its dictionary, has compressed buffers."""
    batch = _table(metadata, _int(metadata, 0), _HEADER)
    if batch is not None and kind == "dictionary":
        batch = _table(metadata, batch, _DATA)
    return batch is not None and _table(metadata, batch, _COMPRESSION) is not None


def _table(metadata: memoryview, table: int, position: int) -> int | None:
    """Where the table lies that stands at ``position`` of the flatbuffer table at ``table``; None where there is none.

    A table begins with the distance back to its directory: sizes, then one offset a position, 0 meaning absent.
    """
    directory = table - _int(metadata, table)
    entry = 4 + 2 * position
    (size,) = struct.unpack_from("<H", metadata, _within(metadata, directory))
    if entry >= size:
        return None
    (offset,) = struct.unpack_from("<H", metadata, directory + entry)
    return table + offset + _int(metadata, table + offset) if offset else None


def _int(metadata: memoryview, place: int) -> int:
    value: int = struct.unpack_from("<i", metadata, _within(metadata, place))[0]
    return value


def _within(metadata: memoryview, place: int) -> int:
    if not 0 <= place < len(metadata):
        raise IndexError("a message's head points outside itself")
    return place
