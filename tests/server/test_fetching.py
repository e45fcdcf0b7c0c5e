# SPDX-License-Identifier: Apache-2.0
"""Fetching: pictures come, and nothing that only this machine can reach.

Each guard's test takes the guard out as well, and shows that the same fetch then goes through.
"""

from __future__ import annotations

import asyncio
import gzip
import shutil
import ssl
import subprocess
import time
from contextlib import asynccontextmanager, nullcontext
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import trunkline.server.fetching as module
from trunkline.server.faults import BadRequestError, BusyError, ServiceError
from trunkline.server.fetching import Fetcher
from trunkline.server.settings import FetchSettings

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
    from pathlib import Path

    Page = bytes | Callable[[asyncio.StreamWriter], Awaitable[None]]

PICTURE = b"a picture" * 100
FETCH = FetchSettings(allowed=True, seconds=5.0, max_bytes=10_000)
# Two addresses of this machine; tests say which of them is to pass for a public one.
OUTSIDE, INSIDE = "127.0.0.1", "127.0.0.2"
NAMES = {"public.example": OUTSIDE, "inside.example": INSIDE}


def ok(body: bytes, *headers: str) -> bytes:
    head = ("HTTP/1.1 200 OK", f"Content-Length: {len(body)}", *headers, "", "")
    return "\r\n".join(head).encode() + body


def elsewhere(url: str, status: int = 302) -> bytes:
    return f"HTTP/1.1 {status} Go\r\nLocation: {url}\r\nContent-Length: 0\r\n\r\n".encode()


class Site:
    """A web server at both addresses, on one port, and what it was asked."""

    def __init__(self, pages: dict[str, Page]) -> None:
        self.pages = pages
        self.asked: list[tuple[str, str]] = []
        self.heads: list[str] = []
        self.port = 0

    async def answer(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            head = (await reader.readuntil(b"\r\n\r\n")).decode()
            path = head.split(" ")[1]
            self.heads.append(head)
            self.asked.append((writer.get_extra_info("sockname")[0], path))
            page = self.pages[path]
            if isinstance(page, bytes):
                writer.write(page)
                await writer.drain()
            else:
                await page(writer)
        except (ConnectionError, asyncio.IncompleteReadError):
            pass  # the other side has had enough
        finally:
            writer.close()


@asynccontextmanager
async def site(pages: dict[str, Page], tls: ssl.SSLContext | None = None) -> AsyncIterator[Site]:
    made = Site(pages)
    first = await asyncio.start_server(made.answer, OUTSIDE, 0, ssl=tls)
    made.port = first.sockets[0].getsockname()[1]
    second = await asyncio.start_server(made.answer, INSIDE, made.port, ssl=tls)
    async with first, second:
        yield made


async def resolve(host: str, port: int) -> Sequence[str]:
    return (NAMES.get(host, host),)


@pytest.fixture
def usual(monkeypatch: pytest.MonkeyPatch) -> Callable[[Site], None]:
    """Make a site's port the usual one, and its first address, alone, a public one."""

    def set_up(site: Site) -> None:
        monkeypatch.setattr(module, "_PORTS", {"http": site.port, "https": site.port})
        monkeypatch.setattr(module, "is_public", lambda address: address == OUTSIDE)

    return set_up


def fetched(
    usual: Callable[[Site], None],
    pages: dict[str, Page],
    url: str = "http://public.example/",
    settings: FetchSettings = FETCH,
    **more: Any,
) -> tuple[bytes | str, Site]:
    """Fetch from a site at the usual port; return the body, or why not, and the site."""

    async def run() -> tuple[bytes | str, Site]:
        async with site(pages) as there:
            usual(there)
            try:
                return await Fetcher(settings, **{"resolve": resolve} | more).fetch(url), there
            except BadRequestError as error:
                return f"{error.code}: {error.message}", there

    return asyncio.run(run())


def test_a_picture_comes(usual) -> None:
    body, there = fetched(
        usual, {"/a%20b.png?x=1&y=%C3%A4": ok(PICTURE)}, "http://Public.Example./a b.png?x=1&y=ä#z"
    )
    assert body == PICTURE
    (head,) = there.heads
    assert "\r\nHost: public.example\r\n" in head
    assert "cookie" not in head.lower()
    assert "authorization" not in head.lower()


def test_an_address_of_ipv6(usual) -> None:
    async def here(host: str, port: int) -> Sequence[str]:
        assert host == "2606:4700::1111"
        return (OUTSIDE,)

    url = "http://[2606:4700::1111]/"
    body, there = fetched(usual, {"/": ok(PICTURE)}, url, resolve=here)
    assert body == PICTURE
    assert "\r\nHost: [2606:4700::1111]\r\n" in there.heads[0]
    for entry in ("[2606:4700::1111]", "2606:4700::1111"):
        listed = FETCH.model_copy(update={"hosts": (entry,)})
        assert fetched(usual, {"/": ok(PICTURE)}, url, listed, resolve=here)[0] == PICTURE


def test_a_picture_in_chunks_after_a_word_of_patience(usual) -> None:
    patience = b"HTTP/1.1 103 Early Hints\r\n\r\n"
    head = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"
    body, _ = fetched(usual, {"/": patience + head + b"4\r\nabcd\r\n2\r\nef\r\n0\r\n\r\n"})
    assert body == b"abcdef"


def test_it_is_off_by_default(usual) -> None:
    off, there = fetched(usual, {"/": ok(PICTURE)}, settings=FetchSettings())
    assert str(off).startswith("BadRequestOperationNotSupported: This server does not fetch")
    assert not there.asked
    assert fetched(usual, {"/": ok(PICTURE)})[0] == PICTURE  # with the guard out


@pytest.mark.parametrize("host", ["inside.example", INSIDE, "localhost", "127.1", "2130706434"])
def test_a_private_host(usual, monkeypatch: pytest.MonkeyPatch, host: str) -> None:
    own = {} if host.endswith(".example") else {"resolve": None}  # the system knows these
    pages: dict[str, Page] = {"/": ok(PICTURE)}
    monkeypatch.setattr(module, "is_public", lambda _: False)
    refused, there = fetched(
        lambda there: _port_only(monkeypatch, there), pages, f"http://{host}/", **own
    )
    assert "is not a public host" in str(refused)
    assert not there.asked

    monkeypatch.setattr(module, "is_public", lambda _: True)
    through, _ = fetched(
        lambda there: _port_only(monkeypatch, there), pages, f"http://{host}/", **own
    )
    assert through == PICTURE


def _port_only(monkeypatch: pytest.MonkeyPatch, there: Site) -> None:
    monkeypatch.setattr(module, "_PORTS", {"http": there.port, "https": there.port})


def test_the_real_check_refuses_this_machine(monkeypatch: pytest.MonkeyPatch) -> None:
    refused, there = fetched(
        lambda there: _port_only(monkeypatch, there),
        {"/": ok(PICTURE)},
        "http://localhost/",
        resolve=None,
    )
    assert "is not a public host" in str(refused)
    assert not there.asked


def test_one_private_address_among_public_ones(usual, monkeypatch: pytest.MonkeyPatch) -> None:
    async def both(host: str, port: int) -> Sequence[str]:
        return OUTSIDE, INSIDE

    refused, there = fetched(usual, {"/": ok(PICTURE)}, resolve=both)
    assert "is not a public host" in str(refused)
    assert not there.asked


def test_a_name_that_changes_its_mind(usual, monkeypatch: pytest.MonkeyPatch) -> None:
    answers = [OUTSIDE, INSIDE, INSIDE]
    asked: list[str] = []

    async def changing(host: str, port: int) -> Sequence[str]:
        asked.append(host)
        return (answers[len(asked) - 1],)

    body, there = fetched(usual, {"/": ok(PICTURE)}, resolve=changing)
    assert body == PICTURE
    assert asked == ["public.example"]
    assert there.asked == [(OUTSIDE, "/")]

    # A client that connects to the name, as most do, asks again, and is led inside.
    connect = asyncio.open_connection

    async def by_name(address: str, port: int, **more: Any) -> Any:
        (again,) = await changing("public.example", port)
        return await connect(again, port, **more)

    asked.clear()
    monkeypatch.setattr(asyncio, "open_connection", by_name)
    _, there = fetched(usual, {"/": ok(PICTURE)}, resolve=changing)
    assert there.asked == [(INSIDE, "/")]


def test_a_redirect_to_the_inside(usual, monkeypatch: pytest.MonkeyPatch) -> None:
    pages: dict[str, Page] = {"/": elsewhere("http://inside.example/secret"), "/secret": ok(b"it")}
    refused, there = fetched(usual, pages)
    assert "inside.example is not a public host" in str(refused)
    assert there.asked == [(OUTSIDE, "/")]

    def open_wide(there: Site) -> None:
        usual(there)
        monkeypatch.setattr(module, "is_public", lambda _: True)

    assert fetched(open_wide, pages)[0] == b"it"


@pytest.mark.parametrize(
    "url", ["file:///etc/passwd", "gopher://public.example/", "ftp://public.example/"]
)
def test_a_redirect_to_another_protocol(usual, url: str) -> None:
    refused, _ = fetched(usual, {"/": elsewhere(url)})
    assert "only http and https" in str(refused)


def test_how_many_redirects(usual) -> None:
    pages: dict[str, Page] = {
        "/": elsewhere("/1", 301),
        "/1": elsewhere("//public.example/2", 307),
        "/2": elsewhere("3", 308),
        "/3": ok(PICTURE),
    }
    assert fetched(usual, pages)[0] == PICTURE
    fewer = FETCH.model_copy(update={"redirects": 2})
    refused, there = fetched(usual, pages, settings=fewer)
    assert "redirects more than 2 times" in str(refused)
    assert [path for _, path in there.asked] == ["/", "/1", "/2"]


def test_another_port(usual, monkeypatch: pytest.MonkeyPatch) -> None:
    def other(there: Site) -> None:
        usual(there)
        monkeypatch.setattr(module, "_PORTS", {"http": 80, "https": 443})

    async def run() -> tuple[str, bytes]:
        async with site({"/": ok(PICTURE)}) as there:
            other(there)
            url = f"http://public.example:{there.port}/"
            with pytest.raises(BadRequestError) as caught:
                await Fetcher(FETCH, resolve=resolve).fetch(url)
            assert not there.asked
            _port_only(monkeypatch, there)
            return caught.value.message, await Fetcher(FETCH, resolve=resolve).fetch(url)

    refused, through = asyncio.run(run())
    assert "only 80 and 443" in refused
    assert through == PICTURE


def test_listed_hosts_may_be_private_and_are_the_only_ones(usual) -> None:
    pages: dict[str, Page] = {"/": ok(PICTURE), "/out": elsewhere("http://public.example/")}

    async def run() -> None:
        async with site(pages) as there:
            listed = FETCH.model_copy(update={"hosts": (f"Inside.example:{there.port}",)})
            fetcher = Fetcher(listed, resolve=resolve)
            inside = f"http://inside.example:{there.port}"
            assert await fetcher.fetch(f"{inside}/") == PICTURE
            for url in (f"{inside}/out", "http://inside.example/", "http://public.example/"):
                with pytest.raises(BadRequestError, match="is not among the hosts"):
                    await fetcher.fetch(url)
            usual(there)
            plainly = FETCH.model_copy(update={"hosts": ("inside.example",)})
            assert (
                await Fetcher(plainly, resolve=resolve).fetch("http://inside.example/") == PICTURE
            )

    asyncio.run(run())


def test_a_body_without_end(usual) -> None:
    written = 0

    async def endless(writer: asyncio.StreamWriter) -> None:
        nonlocal written
        writer.write(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n")
        while written < 200_000_000:
            writer.write(b"10000\r\n" + bytes(0x10000) + b"\r\n")
            await writer.drain()
            written += 0x10000

    refused, _ = fetched(usual, {"/": endless})
    assert str(refused).startswith("BadRequestImageSizeBytes")
    assert written < 100_000_000


def test_a_body_over_the_limit(usual) -> None:
    pages: dict[str, Page] = {"/": ok(bytes(10_001))}
    refused, _ = fetched(usual, pages)
    assert "larger than 10,000 bytes" in str(refused)
    larger = FETCH.model_copy(update={"max_bytes": 10_001})
    assert fetched(usual, pages, settings=larger)[0] == bytes(10_001)  # with the guard out


async def _drip(writer: asyncio.StreamWriter) -> None:
    writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 20\r\n\r\n")
    for _ in range(20):
        writer.write(b"x")
        await writer.drain()
        await asyncio.sleep(0.05)


def test_a_body_that_drips(usual, monkeypatch: pytest.MonkeyPatch) -> None:
    hasty = FETCH.model_copy(update={"seconds": 0.3})
    begun = time.monotonic()
    refused, _ = fetched(usual, {"/": _drip}, settings=hasty)
    assert "did not answer within 0.3 seconds" in str(refused)
    assert time.monotonic() - begun < 0.9
    monkeypatch.setattr(asyncio, "timeout", lambda _: _Nothing())
    assert fetched(usual, {"/": _drip}, settings=hasty)[0] == b"x" * 20


class _Nothing(nullcontext[None]):
    """A guard that has been taken out."""


def test_redirects_share_one_time(usual) -> None:
    async def slow(writer: asyncio.StreamWriter) -> None:
        await asyncio.sleep(0.2)
        writer.write(elsewhere("/"))

    begun = time.monotonic()
    refused, _ = fetched(usual, {"/": slow}, settings=FETCH.model_copy(update={"seconds": 0.3}))
    assert "did not answer within 0.3 seconds" in str(refused)
    assert time.monotonic() - begun < 0.9


def test_a_name_server_that_does_not_answer(usual) -> None:
    async def silent(host: str, port: int) -> Sequence[str]:
        await asyncio.sleep(60)
        return ()

    hasty = FETCH.model_copy(update={"seconds": 0.2})
    refused, _ = fetched(usual, {}, settings=hasty, resolve=silent)
    assert "did not answer within" in str(refused)


def test_what_grows_when_unpacked(usual, monkeypatch: pytest.MonkeyPatch) -> None:
    bomb = gzip.compress(bytes(5_000_000))
    pages: dict[str, Page] = {"/": ok(bomb, "Content-Encoding: gzip")}
    refused, there = fetched(usual, pages)
    assert "compressed" in str(refused)
    assert "Accept-Encoding: identity" in there.heads[0]
    # Without the guard it comes as it was sent: nothing here unpacks it.
    monkeypatch.setattr(module, "_checked", lambda _: None)
    assert fetched(usual, pages)[0] == bomb


@pytest.mark.parametrize(
    ("page", "why"),
    [
        (b"HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\n\r\n", "status 404"),
        (b"HTTP/1.1 206 Partial\r\nContent-Length: 1\r\n\r\nx", "status 206"),
        (b"HTTP/1.1 302 Found\r\nContent-Length: 0\r\n\r\n", "status 302"),
        (b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nshort", "speak HTTP"),
        (b"220 mail.example ESMTP\r\n", "speak HTTP"),
        (b"", "speak HTTP"),
        (b"HTTP/1.1 200 OK\r\n" + b"A: b\r\n" * 20_000 + b"\r\n", "speak HTTP"),
        (elsewhere("http://[::1/"), "not in form"),
        (elsewhere("http://public.example:99999/"), "not in form"),
        (elsewhere("http://user:word@public.example/"), "user's name or password"),
    ],
)  # fmt: skip
def test_answers_that_are_no_picture(usual, page: bytes, why: str) -> None:
    refused, _ = fetched(usual, {"/": page})
    assert str(refused).startswith("BadRequestImageUrl: The url cannot be fetched")
    assert why in str(refused)


@pytest.mark.parametrize(
    ("url", "why"),
    [
        ("", "only http and https"),
        ("picture.png", "only http and https"),
        ("data:image/png;base64,AAAA", "only http and https"),
        ("file:///etc/passwd", "only http and https"),
        ("http://", "names no host"),
        ("http:///x", "names no host"),
        ("http://a b/", "names no host"),
        ("http://a\0b/", "names no host"),
        ("http://a%00b/", "names no host"),
        ("http://[::1", "not in form"),
        ("http://" + "a" * 64 + ".example/", "not in form"),
        ("http://public.example:0x50/", "not in form"),
        ("http://user@public.example/", "user's name or password"),
        ("http://:word@public.example/", "user's name or password"),
    ],
)
def test_urls_that_are_not_asked(usual, url: str, why: str) -> None:
    refused, there = fetched(usual, {"/": ok(PICTURE)}, url)
    assert why in str(refused)
    assert not there.asked


def test_a_url_cannot_bring_headers(usual) -> None:
    body, there = fetched(usual, {"/Evil:1": ok(PICTURE)}, "http://public.example/\r\nEvil:1")
    assert body == PICTURE
    assert "Evil" not in [line.partition(":")[0] for line in there.heads[0].split("\r\n")]


def test_a_host_that_is_not_there(usual) -> None:
    async def gone(host: str, port: int) -> Sequence[str]:
        return ()

    async def unknown(host: str, port: int) -> Sequence[str]:
        raise OSError("no such name")

    for lost in (gone, unknown):
        assert "cannot be reached" in str(fetched(usual, {}, resolve=lost)[0])


def test_the_next_address_where_one_does_not_answer(monkeypatch: pytest.MonkeyPatch) -> None:
    async def both(host: str, port: int) -> Sequence[str]:
        return "127.0.0.3", OUTSIDE  # nothing listens at the first

    def open_wide(there: Site) -> None:
        _port_only(monkeypatch, there)
        monkeypatch.setattr(module, "is_public", lambda _: True)

    assert fetched(open_wide, {"/": ok(PICTURE)}, resolve=both)[0] == PICTURE


def test_proxies_of_the_environment_are_not_used(usual, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("HTTP_PROXY", "http_proxy", "ALL_PROXY", "all_proxy"):
        monkeypatch.setenv(name, "http://127.0.0.1:9")
    assert fetched(usual, {"/": ok(PICTURE)})[0] == PICTURE


def test_only_so_many_at_once(usual) -> None:
    async def run() -> None:
        hold = asyncio.Event()

        async def held(writer: asyncio.StreamWriter) -> None:
            await hold.wait()
            writer.write(ok(PICTURE))

        async with site({"/": held}) as there:
            usual(there)
            fetcher = Fetcher(FETCH, resolve=resolve)
            url = "http://public.example/"
            tasks = [asyncio.create_task(fetcher.fetch(url)) for _ in range(16)]
            await asyncio.sleep(0.05)
            with pytest.raises(BusyError):
                await fetcher.fetch(url)
            hold.set()
            assert await asyncio.gather(*tasks) == [PICTURE] * 16
            assert await fetcher.fetch(url) == PICTURE

    asyncio.run(run())


@pytest.fixture(scope="module")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A key and a certificate of pictures.example that no one else knows, in one file."""
    if shutil.which("openssl") is None:
        pytest.fail("openssl is needed, to make a certificate")
    made = tmp_path_factory.mktemp("tls") / "both.pem"
    subprocess.run(
        [
            "openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1",
            "-nodes", "-days", "2", "-subj", "/CN=pictures.example",
            "-addext", "subjectAltName=DNS:pictures.example", "-keyout", made, "-out", made,
        ],
        check=True,
        capture_output=True,
    )  # fmt: skip
    return made


@pytest.mark.parametrize(
    ("host", "known", "through"),
    [
        ("pictures.example", True, True),
        ("another.example", True, False),
        ("pictures.example", False, False),
    ],
)
def test_certificates_are_checked(
    usual, monkeypatch: pytest.MonkeyPatch, certificate: Path, host: str, known: bool, through: bool
) -> None:
    if known:
        monkeypatch.setenv("SSL_CERT_FILE", str(certificate))
    tls = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    tls.load_cert_chain(certificate)

    async def here(name: str, port: int) -> Sequence[str]:
        return (OUTSIDE,)

    async def run(fetcher: Fetcher) -> bytes | str:
        async with site({"/": ok(PICTURE)}, tls) as there:
            usual(there)
            try:
                return await fetcher.fetch(f"https://{host}/")
            except BadRequestError as error:
                return error.message

    got = asyncio.run(run(Fetcher(FETCH, resolve=here)))
    assert got == PICTURE if through else "SSLCertVerificationError" in str(got)
    careless = Fetcher(FETCH, resolve=here)
    careless._tls.check_hostname = False
    careless._tls.verify_mode = ssl.CERT_NONE
    assert asyncio.run(run(careless)) == PICTURE


async def _inside(host: str, port: int) -> Sequence[str]:
    return (INSIDE,)


_RELUCTANT = Fetcher(FETCH, resolve=_inside)


@settings(deadline=None, max_examples=200)
@given(st.one_of(st.text(), st.text().map("http://".__add__), st.text().map("https://a/".__add__)))
def test_any_text_is_refused_in_words(url: str) -> None:
    with pytest.raises(ServiceError, match="cannot be fetched"):
        asyncio.run(_RELUCTANT.fetch(url))
