import gzip
import time
import tracemalloc
import zlib

import httpx
import pytest

from answers import body
from answers.body import MOST_BYTES, Received, receive
from answers.errors import CannotUnpack, OverLimit, TooSlow
from tests.answers.streams import PIECE, Pieces, answer, gzip_bomb


async def read(response: httpx.Response, seconds: float = 30) -> Received:
    async with httpx.AsyncClient(transport=httpx.MockTransport(lambda _: response)) as client:
        return await receive(client, "GET", "https://panel.example/", seconds=seconds)


@pytest.mark.parametrize(
    ("pack", "encoding"),
    [
        (bytes, "identity"),
        (bytes, ""),
        (gzip.compress, "gzip"),
        (gzip.compress, " X-GZip "),
        (zlib.compress, "deflate"),
    ],
)
async def test_an_answer_is_read_however_it_is_packed(pack, encoding):
    received = await read(answer(pack(b'{"a": "1"}'), content_encoding=encoding))
    assert (received.status, received.body) == (200, b'{"a": "1"}')


async def test_an_answer_without_a_body_is_empty():
    assert (await read(answer(b"", 204, content_encoding="gzip"))).body == b""


async def test_an_endless_answer_is_left_after_the_limit():
    endless = Pieces(b"x" * PIECE, 10**9)
    with pytest.raises(OverLimit, match="longer than 8,000,000 bytes"):
        await read(answer(endless))
    assert endless.sent <= MOST_BYTES + PIECE


async def test_a_gzip_bomb_takes_no_more_memory_than_the_limit():
    bomb = answer(gzip_bomb(200), content_encoding="gzip")
    tracemalloc.start()
    try:
        with pytest.raises(OverLimit, match="longer than 8,000,000 bytes"):
            await read(bomb)
        assert tracemalloc.get_traced_memory()[1] < 4 * MOST_BYTES
    finally:
        tracemalloc.stop()


async def test_packing_that_holds_nothing_is_counted_as_it_comes():
    pack = zlib.compressobj(9, wbits=31)
    nothing = Pieces(pack.compress(b"") or b"\x1f\x8b\x08\x08" + bytes(5) + b"n" * PIECE, 10**9)
    with pytest.raises((OverLimit, CannotUnpack)):
        await read(answer(nothing, content_encoding="gzip"))
    assert nothing.sent <= MOST_BYTES + 2 * PIECE


async def test_a_body_that_drips_ends_with_the_whole_time():
    began = time.monotonic()
    with pytest.raises(TooSlow, match=r"not there within 0\.3 s"):
        await read(answer(Pieces(b" ", 10**9, seconds=0.05)), seconds=0.3)
    assert time.monotonic() - began < 2


@pytest.mark.parametrize(
    ("what", "encoding", "why"),
    [
        (b"no gzip", "gzip", "not packed as it says"),
        (gzip.compress(b"x" * 1_000)[:-9], "gzip", "breaks off"),
        (b"x", "br", "otherwise than by gzip"),
        (gzip.compress(gzip.compress(b"x")), "gzip, gzip", "otherwise than by gzip"),
    ],
    ids=["no gzip", "cut off", "brotli", "packed twice"],
)
async def test_what_is_packed_otherwise_is_not_read(what, encoding, why):
    with pytest.raises(CannotUnpack, match=why):
        await read(answer(what, content_encoding=encoding))


async def test_an_answer_that_a_transport_gives_as_a_whole_has_the_limit_too(monkeypatch):
    assert (await read(httpx.Response(200, json=[1]))).body == b"[1]"
    monkeypatch.setattr(body, "MOST_BYTES", 10)
    with pytest.raises(OverLimit, match="longer than 10 bytes"):
        await read(httpx.Response(200, json=["x" * 10]))
