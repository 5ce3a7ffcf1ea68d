from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from typing import Any

import pytest

from daytwo.errors import BodyTooLarge, SlowBody
from daytwo.serving.body import BodyReader, ClientLeft, discard

Receive = Callable[[], Awaitable[dict[str, Any]]]


def sender(chunks: Sequence[bytes], *, leaves: bool = False) -> tuple[Receive, list[int]]:
    """An ASGI receive that sends ``chunks``, and a list that grows with each that was taken."""
    taken: list[int] = []

    async def receive() -> dict[str, Any]:
        position = len(taken)
        if position >= len(chunks):
            return {"type": "http.disconnect"}
        taken.append(len(chunks[position]))
        more = leaves or position + 1 < len(chunks)
        return {"type": "http.request", "body": chunks[position], "more_body": more}

    return receive, taken


async def never() -> dict[str, Any]:
    await asyncio.sleep(60)
    raise AssertionError


@pytest.mark.parametrize("chunks", [[b"abc"], [b"a", b"b", b"c"], [b"", b"abc"]], ids=len)
def test_a_body_comes_whole_however_it_was_cut(chunks: list[bytes]) -> None:
    assert asyncio.run(BodyReader(1.0).read(sender(chunks)[0], None, 3)) == b"abc"


def test_a_declared_size_over_the_limit_is_refused_unread() -> None:
    receive, taken = sender([b"x" * 10])
    with pytest.raises(BodyTooLarge, match="at most 3 bytes, got 10"):
        asyncio.run(BodyReader(1.0).read(receive, 10, 3))
    assert taken == []


def test_an_undeclared_size_is_refused_at_the_limit() -> None:
    receive, taken = sender([b"xx"] * 100)
    with pytest.raises(BodyTooLarge, match="more than 3"):
        asyncio.run(BodyReader(1.0).read(receive, None, 3))
    assert len(taken) == 2


def test_a_first_chunk_over_the_limit_is_refused_though_no_other_follows() -> None:
    receive, _ = sender([b"xxxx"], leaves=True)

    async def first_then_never() -> dict[str, Any]:
        message = await receive()
        return message if message["type"] == "http.request" else await never()

    async def read() -> None:
        async with asyncio.timeout(5):
            await BodyReader(60.0).read(first_then_never, None, 3)

    with pytest.raises(BodyTooLarge):
        asyncio.run(read())


def test_one_chunk_over_the_limit_is_refused() -> None:
    with pytest.raises(BodyTooLarge):
        asyncio.run(BodyReader(1.0).read(sender([b"xxxx"])[0], None, 3))


@pytest.mark.parametrize("chunks", [[], [b"abc"]])
def test_a_caller_that_leaves_is_not_an_error_to_be_answered(chunks: list[bytes]) -> None:
    with pytest.raises(ClientLeft):
        asyncio.run(BodyReader(1.0).read(sender(chunks, leaves=True)[0], None, 9))


def test_a_slow_body_ends_and_a_quick_one_beside_it_does_not() -> None:
    async def read() -> tuple[bytes, BaseException]:
        reader = BodyReader(0.1)
        slow = asyncio.ensure_future(reader.read(never, None, 9))
        quick = await reader.read(sender([b"abc"])[0], None, 9)
        return quick, (await asyncio.gather(slow, return_exceptions=True))[0]  # type: ignore[return-value]

    quick, slow = asyncio.run(read())
    assert quick == b"abc"
    assert isinstance(slow, SlowBody)


def test_a_cancelled_reader_is_cancelled() -> None:
    async def read() -> None:
        task = asyncio.ensure_future(BodyReader(60).read(never, None, 9))
        await asyncio.sleep(0)
        task.cancel()
        await task

    with pytest.raises(asyncio.CancelledError):
        asyncio.run(read())


def test_what_was_refused_is_read_to_its_end_and_thrown_away() -> None:
    receive, taken = sender([b"xx"] * 50)
    asyncio.run(discard(receive))
    assert len(taken) == 50
