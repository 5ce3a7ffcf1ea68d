"""A timer wakes once for each moment, and never before it."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable

import pytest
import uvloop

from daytwo.loadtest.timer import Timer


@pytest.mark.parametrize("new_loop", [asyncio.new_event_loop, uvloop.new_event_loop], ids=["asyncio", "uvloop"])
@pytest.mark.parametrize("with_descriptor", [True, False])
def test_it_wakes_at_every_moment_and_not_before(
    new_loop: Callable[[], asyncio.AbstractEventLoop], with_descriptor: bool, monkeypatch: pytest.MonkeyPatch
):
    if not with_descriptor:
        monkeypatch.setattr("daytwo.loadtest.timer.sys.platform", "another")
    woken: list[float] = []
    moments = [time.monotonic() + wait for wait in (-1.0, 0.0, 0.0003, 0.002, 0.0201)]

    async def main() -> None:
        done = asyncio.Event()

        def wake() -> None:
            woken.append(time.monotonic())
            if len(woken) == len(moments):
                done.set()
            else:
                timer.at(moments[len(woken)])

        timer = Timer(asyncio.get_running_loop(), wake)
        timer.at(moments[0])
        await asyncio.wait_for(done.wait(), 20)
        timer.close()
        timer.close()

    loop = new_loop()
    loop.run_until_complete(main())
    loop.close()
    # A moment that is all but there is met by the next turn of the loop: up to 30 µs early.
    assert all(at >= moment - 0.0015 for at, moment in zip(woken, moments, strict=True))
