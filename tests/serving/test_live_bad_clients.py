"""Callers that misbehave on the wire: too big, too slow, gone, in a hurry or not speaking HTTP. Others never notice."""

from __future__ import annotations

import socket
import struct
import time
from collections.abc import Iterator
from contextlib import ExitStack, suppress
from pathlib import Path

import pytest

from serving.live import Live, eventually, serving
from serving.live_metrics import value
from serving.live_models import MOODY_S, SETOSA
from serving.live_watch import Watch
from serving.wire import Wire, chunk, request

pytestmark = pytest.mark.slow

MIB = 1 << 20
BODY_TIMEOUT_S = 1.0
#: The most that others may wait while a 50 MB body is being refused (the article's service: 1.6 s).
STALL_S = 0.5


@pytest.fixture(scope="module")
def live(packed: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Live]:
    log = tmp_path_factory.mktemp("clients") / "log"
    flags = ("--trust", "--body-timeout", str(BODY_TIMEOUT_S))
    with serving(packed, "iris", "moody", *flags, log=log) as running:
        yield running


@pytest.fixture(autouse=True)
def lives_on(live: Live) -> Iterator[None]:
    """Afterwards a good request is answered, nothing is in flight, and nothing has been logged as unforeseen."""
    said = len(live.output())
    yield
    answer = live.post(SETOSA)
    assert (answer.status, answer.json()["class"]) == (200, 0)
    assert eventually(lambda: value(live, "daytwo_inflight_requests") == 0.0)
    assert eventually(lambda: value(live, "daytwo_queue_depth") == 0.0)
    assert "Traceback" not in live.output()[said:]


def assert_others_unharmed(watch: Watch, growth: int) -> None:
    assert (watch.asked > 10, watch.failed) == (True, 0)
    assert watch.stall_s < STALL_S
    assert watch.growth < growth


def test_50_mb_by_content_length_is_refused_without_reading_it(live: Live) -> None:
    body = b"1" * (50 * 1000 * 1000)
    with Watch(live) as watch:
        for _ in range(3):
            with Wire(live.port) as wire:
                wire.send(request(body=body))
                answer = wire.answer()
            assert (answer.status, answer.json()["type"]) == (413, "urn:daytwo:error:body-too-large")
    assert_others_unharmed(watch, growth=8 * MIB)


def test_50_mb_in_chunks_is_refused_at_the_limit(live: Live) -> None:
    with Watch(live) as watch, Wire(live.port) as wire:
        wire.send(request(headers={"Content-Length": "", "Transfer-Encoding": "chunked"}))
        piece = chunk(b"1" * 65_536)
        with suppress(ConnectionError):
            for _ in range(50 * 1000 * 1000 // 65_536):
                wire.send(piece)
            wire.send(chunk(b""))
        assert wire.answer().status == 413
    # What may be a good body until its 33,554,433rd byte has to be kept until then.
    assert_others_unharmed(watch, growth=48 * MIB)


def test_a_refused_body_may_be_endless(live: Live) -> None:
    """The sender goes on for as long as it can; the server lets go of it."""
    with Wire(live.port) as wire:
        wire.send(request(headers={"Content-Length": str(10**12)}))
        assert wire.answer().status == 413
        assert eventually(lambda: not takes_more(wire), 15.0)


def takes_more(wire: Wire) -> bool:
    try:
        wire.send(b"1" * 65_536)
    except ConnectionError:
        return False
    return True


def test_a_slow_body_is_given_up(live: Live) -> None:
    with Wire(live.port) as wire:
        wire.send(request(body=SETOSA)[:-5])
        start = time.monotonic()
        answer = wire.answer()
        assert BODY_TIMEOUT_S * 0.9 <= time.monotonic() - start < BODY_TIMEOUT_S + 5.0
        assert (answer.status, answer.json()["type"]) == (408, "urn:daytwo:error:slow-body")
        assert answer.closes


def test_a_body_that_trickles_is_given_up(live: Live) -> None:
    raw = request(body=SETOSA)
    with Wire(live.port) as wire:
        wire.send(raw[:-30])
        with suppress(ConnectionError):
            for byte in raw[-30:-1]:
                time.sleep(0.1)
                wire.send(bytes([byte]))
        assert wire.answer().status == 408


def test_slow_headers_hold_nobody_up(live: Live) -> None:
    with ExitStack() as stack:
        for _ in range(200):
            stack.enter_context(Wire(live.port)).send(b"POST /predict HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-T")
        with Watch(live) as watch:
            time.sleep(0.5)
        assert (watch.asked > 10, watch.failed) == (True, 0)
        assert watch.stall_s < STALL_S


@pytest.mark.parametrize("sent", [1, 40, -5], ids=["after-a-byte", "in-the-headers", "in-the-body"])
@pytest.mark.parametrize("rude", [False, True], ids=["closes", "resets"])
def test_a_caller_that_leaves_while_sending(live: Live, sent: int, rude: bool) -> None:
    for _ in range(20):
        wire = Wire(live.port)
        wire.send(request(body=SETOSA)[:sent])
        leave(wire, rude)


@pytest.mark.parametrize("rude", [False, True], ids=["closes", "resets"])
def test_a_caller_that_leaves_before_its_answer_harms_no_one_in_its_batch(live: Live, rude: bool) -> None:
    path = "/models/moody/predict"
    with ExitStack() as stack:
        leaving = [Wire(live.port) for _ in range(8)]
        staying = [stack.enter_context(Wire(live.port)) for _ in range(8)]
        for number, wires in enumerate(zip(leaving, staying, strict=True)):
            for wire in wires:
                wire.send(request("POST", path, {"feature_vector": [float(number)]}))
        time.sleep(MOODY_S / 3)
        for wire in leaving:
            leave(wire, rude)
        answers = [wire.answer() for wire in staying]
    assert [answer.json()["value"] for answer in answers] == [2.0 * number for number in range(8)]


def leave(wire: Wire, rude: bool) -> None:
    if rude:  # linger for 0 seconds: the kernel sends a reset
        wire.socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    wire.socket.close()


def test_pipelined_requests_are_answered_in_order(live: Live) -> None:
    good, bad = request(body=SETOSA), request(body={"feature_vector": [1.0]})
    other = request("GET", "/livez")
    with Wire(live.port) as wire:
        wire.send((good + bad + other) * 10)
        statuses = [wire.answer().status for _ in range(30)]
    assert statuses == [200, 422, 200] * 10


def test_a_caller_that_pipelines_and_does_not_read(live: Live) -> None:
    """The server stops reading from it, or lets go of it, instead of keeping answers that nobody fetches."""
    sent = 0
    with Watch(live) as watch, Wire(live.port) as wire:
        wire.socket.settimeout(1.0)
        with suppress(TimeoutError, ConnectionError):
            while sent < 100 * MIB:
                sent += wire.socket.send(request(body=SETOSA) * 500)
    assert sent < 100 * MIB
    assert (watch.asked > 1, watch.failed) == (True, 0)
    assert watch.stall_s < STALL_S
    assert watch.growth < 48 * MIB


NO_HTTP = {
    "garbage": b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03" * 4 + b"\r\n\r\n",
    "no-version": b"POST /predict\r\n\r\n",
    "bad-length": b"POST /predict HTTP/1.1\r\nHost: x\r\nContent-Length: -1\r\n\r\n",
    "text-length": b"POST /predict HTTP/1.1\r\nHost: x\r\nContent-Length: many\r\n\r\n",
    "two-lengths": b"POST /predict HTTP/1.1\r\nHost: x\r\nContent-Length: 3\r\nContent-Length: 4\r\n\r\nabc",
    "bad-chunk": b"POST /predict HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\nabc\r\n",
    "unknown-method": b"BREW /predict HTTP/1.1\r\nHost: x\r\n\r\n",
}


@pytest.mark.parametrize("raw", NO_HTTP.values(), ids=NO_HTTP.keys())
def test_what_is_not_http_is_refused_and_the_connection_closed(live: Live, raw: bytes) -> None:
    with Wire(live.port) as wire:
        wire.send(raw)
        assert wire.answer().status == 400
        assert wire.closed()


def test_length_and_chunks_together_cannot_smuggle_a_request(live: Live) -> None:
    hidden = request("GET", "/livez")
    head = request(headers={"Content-Length": "4", "Transfer-Encoding": "chunked"})
    with Wire(live.port) as wire:
        wire.send(head + b"0\r\n\r\n" + hidden)
        answer = wire.answer()
        assert answer.status in (400, 415, 422)
        assert answer.status == 400 or wire.closed() or wire.answer().status == 200


@pytest.mark.parametrize(
    "header", [f"X-Big: {'x' * (4 * MIB)}", "\r\n".join(f"X-{n}: y" for n in range(50_000))], ids=["one-huge", "many"]
)
def test_huge_headers_neither_stall_nor_fill_it(live: Live, header: str) -> None:
    with Watch(live) as watch:
        wire = Wire(live.port)
        with wire, suppress(ConnectionError, EOFError):
            wire.send(f"POST /predict HTTP/1.1\r\nHost: x\r\n{header}\r\nContent-Length: 0\r\n\r\n".encode())
            assert wire.answer().status >= 400
        time.sleep(0.3)
    assert_others_unharmed(watch, growth=16 * MIB)


def test_expect_continue_is_refused_before_the_body(live: Live) -> None:
    with Wire(live.port) as wire:
        wire.send(request(headers={"Content-Length": str(50_000_000), "Expect": "100-continue"}))
        assert wire.answer().status == 413


def test_http_1_0_is_answered_and_closed(live: Live) -> None:
    with Wire(live.port) as wire:
        wire.send(request(body=SETOSA).replace(b"HTTP/1.1", b"HTTP/1.0"))
        assert wire.answer().json()["class"] == 0
        assert wire.closed()
