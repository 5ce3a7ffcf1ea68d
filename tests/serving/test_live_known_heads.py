"""Callers that say the same head again and again, and those who would profit if a body passed for a head."""

from __future__ import annotations

import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from serving.live import Live, serving
from serving.live_models import line
from serving.wire import Wire, request

pytestmark = pytest.mark.slow

#: So that the server reads them apart.
PAUSE_S = 0.05


@pytest.fixture(scope="module")
def live(packed: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Live]:
    with serving(packed, "line", log=tmp_path_factory.mktemp("heads") / "log") as server:
        yield server


def ask(a: int, b: int) -> bytes:
    return request(body={"feature_vector": [a, b]})


def test_every_body_under_the_same_head_gets_its_own_answer(live: Live) -> None:
    with Wire(live.port) as wire:
        for number in range(100, 200):
            wire.send(ask(number, 7))
            assert wire.answer().json()["value"] == pytest.approx(line(number, 7), abs=1e-3)


def test_a_body_that_looks_like_a_known_request_is_a_body(live: Live) -> None:
    known = ask(123, 456)
    with Wire(live.port) as wire:
        for _ in range(3):
            wire.send(known)
            assert wire.answer().status == 200
        head, _, _ = request(body=known).partition(b"\r\n\r\n")
        wire.send(head + b"\r\n\r\n")
        time.sleep(PAUSE_S)
        wire.send(known)
        assert wire.answer().status == 400  # it is no JSON
        wire.send(ask(1, 2))
        assert wire.answer().json()["value"] == pytest.approx(line(1, 2), abs=1e-3)


def test_known_requests_may_come_in_pieces_and_together(live: Live) -> None:
    with Wire(live.port) as wire:
        wire.send(ask(11, 11))
        assert wire.answer().status == 200
        for cut in (5, 60, len(ask(12, 12)) - 3):
            wire.send(ask(12, 12)[:cut])
            time.sleep(PAUSE_S)
            wire.send(ask(12, 12)[cut:])
            assert wire.answer().json()["value"] == pytest.approx(line(12, 12), abs=1e-3)
        wire.send(ask(13, 13) + ask(14, 14) + ask(15, 15))
        said = [wire.answer().json()["value"] for _ in range(3)]
        assert said == pytest.approx([line(13, 13), line(14, 14), line(15, 15)], abs=1e-3)


def test_a_known_head_does_not_make_a_wrong_body_right(live: Live) -> None:
    good, bad = ask(10, 10), ask(10, 10).replace(b"10, 10", b"10, XX").replace(b"10,10", b"10,XX")
    assert good != bad
    with Wire(live.port) as wire:
        for raw, status in ((good, 200), (bad, 400), (good, 200), (bad, 400)):
            wire.send(raw)
            assert wire.answer().status == status


def test_other_requests_on_the_same_connection_go_their_own_way(live: Live) -> None:
    with Wire(live.port) as wire:
        for _ in range(3):
            wire.send(ask(1, 1))
            assert wire.answer().status == 200
            wire.send(request("GET", "/livez"))
            assert wire.answer().json() == {"live": True}


def test_an_upgrade_in_a_body_is_left_alone_wherever_the_head_was_cut(live: Live) -> None:
    """Were the body rewritten, its end would be taken for another request."""
    hidden = b"GET /models/line HTTP/1.1\r\nHost: x\r\n\r\n"
    raw = request(body=b"\r\nupgrade: x" * 40 + hidden)
    end = raw.index(b"\r\n\r\n")
    for cut in range(end - 3, end + 6):
        with Wire(live.port) as wire:
            wire.send(raw[:cut])
            time.sleep(PAUSE_S)
            wire.send(raw[cut:] + request("GET", "/livez"))
            assert wire.answer().status == 400  # it is no JSON
            assert wire.answer().json() == {"live": True}


@pytest.mark.parametrize("cut", range(1, 12))
def test_an_upgrade_that_comes_in_pieces_ends_the_connection_or_is_ignored(live: Live, cut: int) -> None:
    raw = request(headers={"Connection": "Upgrade", "Upgrade": "h2c"}, body={"feature_vector": [1, 2]})
    at = raw.index(b"Upgrade: h2c") + cut
    with Wire(live.port) as wire:
        wire.send(raw[:at])
        time.sleep(PAUSE_S)
        wire.send(raw[at:])
        answer = wire.answer()
        assert (answer.status, answer.closes) in ((200, False), (400, True))


def test_empty_lines_teach_nothing(live: Live) -> None:
    with Wire(live.port) as wire:
        wire.send(request(body=b""))
        assert wire.answer().status == 400
        wire.send(b"\r\n\r\n")
        time.sleep(PAUSE_S)
        wire.send(b"\r\n\r\n")
        time.sleep(PAUSE_S)
        wire.send(ask(1, 2))
        assert wire.answer().json()["value"] == pytest.approx(line(1, 2), abs=1e-3)


def test_heads_that_are_never_the_same_are_answered_as_well(live: Live) -> None:
    with Wire(live.port) as wire:
        for number in range(200):
            wire.send(request(body={"feature_vector": [1, 2]}, headers={"Traceparent": f"00-{number:032x}-01"}))
            assert wire.answer().status == 200
