from __future__ import annotations

import gzip
import random
import sys
import tracemalloc
import zlib
from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from daytwo.errors import BodyTooLarge, MalformedBody, UnsupportedMediaType
from daytwo.serving.encodings import ENCODINGS, unpacked

if sys.version_info >= (3, 14):
    from compression import zstd
else:
    from backports import zstd

PACK: dict[str, Callable[[bytes], bytes]] = {"gzip": gzip.compress, "deflate": zlib.compress, "zstd": zstd.compress}
TEXT = b'{"feature_vector": [5.1, 3.5, 1.4, 0.2]}'


def test_every_encoding_is_tried_here():
    assert set(PACK) == set(ENCODINGS)


@pytest.mark.parametrize("encoding", ENCODINGS)
@given(body=st.binary(max_size=300), times=st.integers(1, 3000))
def test_what_was_packed_is_unpacked(encoding: str, body: bytes, times: int):
    whole = body * times
    assert unpacked(PACK[encoding](whole), encoding, len(whole)) == whole


@pytest.mark.parametrize("encoding", ["gzip", "zstd"])
def test_several_streams_are_one_body(encoding: str):
    assert unpacked(PACK[encoding](TEXT) + PACK[encoding](b"") + PACK[encoding](TEXT), encoding, 1000) == TEXT * 2


@pytest.mark.parametrize("encoding", ENCODINGS)
def test_a_bomb_is_refused_before_it_goes_off(encoding: str):
    bomb = PACK[encoding](bytes(200 << 20))
    tracemalloc.start()
    with pytest.raises(BodyTooLarge, match=r"at most 1,048,576 bytes, got more than 1,048,576 once it is unpacked"):
        unpacked(bomb, encoding, 1 << 20)
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert peak < 8 << 20


@pytest.mark.parametrize("encoding", ENCODINGS)
def test_what_fits_to_the_byte_fits(encoding: str):
    packed = PACK[encoding](bytes(1 << 20))
    assert len(unpacked(packed, encoding, 1 << 20)) == 1 << 20
    with pytest.raises(BodyTooLarge):
        unpacked(packed, encoding, (1 << 20) - 1)


@pytest.mark.parametrize("encoding", ENCODINGS)
@pytest.mark.parametrize("spoil", [lambda b: b[:-1], lambda b: b[:3], lambda b: b"", lambda b: b + b"x", lambda b: TEXT,
                                   lambda b: b[:8] + b"\xff\xff\xff" + b[11:]],
                         ids=["short", "shorter", "empty", "more", "plain", "damaged"])  # fmt: skip
def test_what_is_not_packed_so_is_malformed(encoding: str, spoil: Callable[[bytes], bytes]):
    with pytest.raises(MalformedBody, match="body: expected"):
        unpacked(spoil(PACK[encoding](TEXT)), encoding, 1000)


@pytest.mark.parametrize("encoding", ENCODINGS)
@given(seed=st.integers(0, 2**32))
def test_no_damage_does_more_than_be_refused(encoding: str, seed: int):
    chance = random.Random(seed)
    body = bytearray(PACK[encoding](TEXT * 50))
    for _ in range(chance.randrange(1, 5)):
        body[chance.randrange(len(body))] = chance.randrange(256)
    try:
        assert len(unpacked(body, encoding, 10_000)) <= 10_000
    except (MalformedBody, BodyTooLarge):
        return


def test_many_empty_streams_do_not_take_for_ever():
    with pytest.raises(MalformedBody, match="at most 10,000 compressed streams"):
        unpacked(gzip.compress(b"") * 10_001, "gzip", 1000)


def test_a_small_body_may_not_ask_for_a_large_window():
    packed = zstd.compress(bytes(1000), options={zstd.CompressionParameter.window_log: 27,
                                                 zstd.CompressionParameter.content_size_flag: 0})  # fmt: skip
    compressor = zstd.ZstdCompressor(options={zstd.CompressionParameter.window_log: 27})
    streamed = compressor.compress(b"x") + compressor.flush()
    with pytest.raises(MalformedBody, match="zstd"):
        unpacked(streamed, "zstd", 1000)
    assert packed


def test_without_its_library_zstd_is_refused_with_what_to_install(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.delitem(sys.modules, "daytwo.serving._zstd", raising=False)
    monkeypatch.setitem(sys.modules, "compression" if sys.version_info >= (3, 14) else "backports", None)  # type: ignore[arg-type]
    with pytest.raises(UnsupportedMediaType, match=r"pip install 'daytwo\[zstd\]'"):
        unpacked(b"x", "zstd", 1000)
