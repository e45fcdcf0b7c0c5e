# SPDX-License-Identifier: Apache-2.0
"""Safe by default: every promise about who and what a server lets in, tried by an attack.

Each attack is made twice: on the server as it is, which fends it off, and on one whose guard is
taken out (``guarded`` is False), where it succeeds. So none of these tests could pass for another
reason. What the tests of single modules show in the same way is listed in ``docs/reliability.md``.
"""

from __future__ import annotations

import asyncio
import hmac
import json
import logging
import re
import stat
import threading
import time
from pathlib import Path
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

import httpx
import pytest
from click.testing import CliRunner
from PIL import Image

import builders
import trunkline
from server.asking import live, pictures
from server.living import Process, raw
from trunkline.cli.keys import keys_group
from trunkline.errors import TrunklineError
from trunkline.server import (
    answering,
    binding,
    dataplane,
    fetching,
    hosts,
    journal,
    keyfile,
    keys,
    native,
)
from trunkline.server.app import make_app
from trunkline.server.assembly import assemble
from trunkline.server.keyfile import make_key, write_keys
from trunkline.server.settings import Settings

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    Keys = SimpleNamespace
    Patch = pytest.MonkeyPatch

BOTH = pytest.mark.parametrize("guarded", [True, False], ids=["guarded", "guard taken out"])
RED = builders.png_bytes("red")
SERVICE = "/customvision/v3.0/prediction/p/classify/iterations/colours"
OPEN = {
    *("/", "/livez", "/readyz", "/healthz", "/metrics", "/docs", "/openapi.json"),
    *("/v2", "/v2/health/live", "/v2/health/ready", "/live"),
}
"""What tells nothing about models, and needs no key."""
# As the kernel writes them: 127.0.0.1, also within IPv6, and any address of either kind.
LOOPBACK, ANY = {"0100007F", f"{'0' * 16}FFFF00000100007F"}, {"0" * 8, "0" * 32}


@pytest.fixture
def models(tmp_path: Path) -> trunkline.ModelSet:
    return trunkline.load(builders.openvino_classifier(tmp_path / "models" / "colours"))


@pytest.fixture
def base(models: trunkline.ModelSet, tmp_path: Path) -> Iterator[str]:
    with live(models, tmp_path) as address:
        yield address


@pytest.fixture
def made(tmp_path: Path) -> Keys:
    """A file of keys, made as people make them."""
    path = tmp_path / "keys.json"

    def add(scope: str) -> str:
        arguments = ["add", "--scope", scope, "--keys-file", str(path)]
        done = CliRunner().invoke(keys_group, arguments)
        assert done.exit_code == 0, done.output
        return done.stdout.strip()

    return SimpleNamespace(path=path, predict=add("predict"), manage=add("manage"))


def addresses_of(process: Process) -> set[str]:
    """Return the addresses on which a process listens, by the kernel's own table."""
    handles = Path(f"/proc/{process.process.pid}/fd").iterdir()
    sockets = {found[1] for h in handles if (found := re.search(r"socket:\[(\d+)\]", target(h)))}
    rows = [
        line.split()
        for table in ("tcp", "tcp6")
        for line in Path(f"/proc/net/{table}").read_text().splitlines()[1:]
    ]
    return {row[1].split(":")[0] for row in rows if row[3] == "0A" and row[9] in sockets}


def target(link: Path) -> str:
    try:
        return str(link.readlink())
    except OSError:
        return ""


@BOTH
def test_it_listens_on_this_machine_alone(tmp_path: Path, made: Keys, *, guarded: bool) -> None:
    """Over HTTP and gRPC; without the guard, the address is one that a person has chosen."""
    builders.openvino_classifier(tmp_path / "colours")
    chosen = () if guarded else ("--host", "0.0.0.0", "--keys-file", made.path)
    with Process(tmp_path, "--grpc-port", "0", *chosen, "colours") as process:
        port = urlsplit(process.ready()).port
        assert addresses_of(process) <= (LOOPBACK if guarded else ANY)
        other = f"http://127.0.0.2:{port}/livez"  # stands for any other address of this machine
        if guarded:
            with pytest.raises(httpx.ConnectError):
                httpx.get(other)
        else:
            assert httpx.get(other).status_code == 200


@BOTH
def test_another_address_needs_a_key(tmp_path: Path, monkeypatch: Patch, *, guarded: bool) -> None:
    nobody = keys.KeyRing(tmp_path / "none.json")
    if guarded:
        with pytest.raises(TrunklineError, match="trunkline keys add"):
            binding.bind("0.0.0.0", 0, nobody)
        return
    monkeypatch.setattr(binding, "_check_key", lambda *_: None)
    with binding.bind("0.0.0.0", 0, nobody) as listener:
        assert binding.address_of(listener).startswith("0.0.0.0:")


@pytest.mark.parametrize(
    "headers", [{}, {"Prediction-Key": "anything"}, {"Authorization": "Bearer anything"}]
)
def test_a_quickstart_needs_no_key(base: str, headers: dict[str, str]) -> None:
    for path in (f"{SERVICE}/image", "/predict", "/image"):
        assert httpx.post(base + path, content=RED, headers=headers).status_code == 200


@BOTH
def test_without_keys_a_web_page_gets_nothing(
    base: str, monkeypatch: Patch, *, guarded: bool
) -> None:
    """A page that a browser on this machine shows could otherwise remove models."""
    if not guarded:
        monkeypatch.setattr(keys.KeyRing, "_check_origin", lambda *_: None)
    page = {"Origin": "https://evil.example"}
    answer = httpx.delete(f"{base}/models/colours", headers=page)
    assert answer.status_code == (403 if guarded else 200)
    names = [each["name"] for each in httpx.get(f"{base}/models").json()["models"]]
    assert names == (["colours"] if guarded else [])


@BOTH
def test_a_name_that_was_made_to_lead_here_gets_nothing(
    base: str, monkeypatch: Patch, *, guarded: bool
) -> None:
    """To a browser, such a page asks its own origin, and may read what is answered."""
    if not guarded:
        monkeypatch.setattr(hosts.KnownHosts, "_is_known", lambda *_: True)
    page = b"DELETE /models/colours HTTP/1.1\r\nHost: evil.example\r\nConnection: close\r\n\r\n"
    status = int(raw(base, page).split()[1])
    assert status == (421 if guarded else 200)
    names = [each["name"] for each in httpx.get(f"{base}/models").json()["models"]]
    assert names == (["colours"] if guarded else [])


@BOTH
def test_no_route_is_left_open(
    models: trunkline.ModelSet, tmp_path: Path, made: Keys, monkeypatch: Patch, *, guarded: bool
) -> None:
    if not guarded:
        monkeypatch.setattr(answering, "check_access", lambda *_: None)
    settings = Settings(keys_file=made.path)
    server = assemble(settings, models)
    routes = [each for each in make_app(server).routes if getattr(each, "methods", None)]
    server.plane.close()
    asked = [(min(each.methods - {"HEAD"}), each.path) for each in routes]
    assert len(asked) > 40
    with live(models, tmp_path, keys_file=made.path) as address, httpx.Client() as client:
        codes = {
            (method, path): client.request(
                method, address + re.sub(r"\{\w+(:int)?\}", "1", path)
            ).status_code
            for method, path in asked
        }
    closed = {path for (_, path), code in codes.items() if code == 401}
    assert closed == ({path for _, path in asked} - OPEN if guarded else set())


@BOTH
def test_a_key_for_predictions_manages_nothing(
    models: trunkline.ModelSet, tmp_path: Path, made: Keys, monkeypatch: Patch, *, guarded: bool
) -> None:
    check = keys.KeyRing.check
    if not guarded:
        monkeypatch.setattr(keys.KeyRing, "check", lambda self, h, _: check(self, h, "predict"))
    with live(models, tmp_path, keys_file=made.path) as address:
        for name in ("Prediction-Key", "Training-Key", "Authorization"):
            form = "Bearer {}" if name == "Authorization" else "{}"
            mine = {name: form.format(made.predict)}
            assert httpx.post(f"{address}/predict", content=RED, headers=mine).status_code == 200
            wrong = {name: form.format(f"{made.predict}x")}
            assert httpx.post(f"{address}/predict", content=RED, headers=wrong).status_code == 401
            manage = {name: form.format(made.manage)}
            assert httpx.get(f"{address}/models", headers=manage).status_code == 200
        answer = httpx.delete(f"{address}/models/colours", headers=mine)
        assert answer.status_code == (403 if guarded else 200)


@BOTH
def test_who_reads_the_file_of_keys_has_no_key(
    tmp_path: Path, monkeypatch: Patch, *, guarded: bool
) -> None:
    if not guarded:
        monkeypatch.setattr(keyfile, "_digest", lambda _, key: key)
    path = tmp_path / "keys.json"
    key, stored = make_key("mine", "manage")
    write_keys(path, (stored,))
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    stolen = json.loads(path.read_text())["keys"][0]["digest"]
    assert (key in path.read_text()) is not guarded
    headers = {"prediction-key": stolen}
    if guarded:
        with pytest.raises(keys.UnauthorizedError):
            keys.KeyRing(path).check(headers, "manage")
    else:
        keys.KeyRing(path).check(headers, "manage")


def test_a_key_is_printed_once(made: Keys) -> None:
    said = CliRunner().invoke(keys_group, ["list", "--keys-file", str(made.path)]).output
    assert "predict-1" in said
    assert made.predict not in said
    assert made.predict[3:] not in said + made.path.read_text()


@BOTH
def test_keys_are_compared_in_constant_time(
    made: Keys, monkeypatch: Patch, *, guarded: bool
) -> None:
    compared: list[object] = []
    really = hmac.compare_digest
    spy = SimpleNamespace(compare_digest=lambda *two: compared.append(two) or really(*two))
    monkeypatch.setattr(keyfile, "hmac", spy)
    if not guarded:
        naive = lambda self, key: keyfile._digest(self.salt, key) == self.digest  # noqa: E731
        monkeypatch.setattr(keyfile.StoredKey, "fits", naive)
    keys.KeyRing(made.path).check({"prediction-key": made.predict}, "predict")
    with pytest.raises(keys.UnauthorizedError):
        keys.KeyRing(made.path).check({"prediction-key": "wrong"}, "predict")
    assert len(compared) == (4 if guarded else 0)  # both keys each time, though the first may fit


@BOTH
def test_a_body_over_the_limit_is_not_read(
    models: trunkline.ModelSet, tmp_path: Path, monkeypatch: Patch, *, guarded: bool
) -> None:
    read: list[int] = []

    async def tell(_: object, picture: bytes, *__: object) -> None:
        read.append(len(picture))
        raise trunkline.PictureError("bytes", "it is none")

    monkeypatch.setattr(dataplane.DataPlane, "tell", tell)
    really = native.read_body
    if not guarded:
        monkeypatch.setattr(native, "read_body", lambda request, _: really(request, 1 << 40))

    def chunks() -> Iterator[bytes]:
        for _ in range(30):
            yield bytes(100_000)

    with live(models, tmp_path, max_body_bytes=1_000_000) as address:
        for sent in (bytes(3_000_000), chunks()):
            answer = httpx.post(f"{address}/predict", content=sent)
            assert answer.status_code == (413 if guarded else 400)
            assert answer.json()["code"] == (
                "BadRequestImageSizeBytes" if guarded else "BadRequestImageFormat"
            )
        if guarded:
            head = (
                "POST /predict HTTP/1.1",
                "Host: localhost",
                "Connection: close",
                "Content-Length: 9999999",
            )
            begun = time.monotonic()
            sent = "\r\n".join((*head, "", "x")).encode()
            assert raw(address, sent).startswith(b"HTTP/1.1 413 ")
            assert time.monotonic() - begun < 8  # it waits for no more of the body
    assert read == ([] if guarded else [3_000_000] * 2)


@BOTH
def test_a_pixel_bomb_costs_no_memory(tmp_path: Path, *, guarded: bool) -> None:
    """Some kilobytes that unfold to 108 MB as RGB; without the guard, the limit is above that."""
    builders.openvino_classifier(tmp_path / "colours")
    Image.new("1", (6000, 6000)).save(tmp_path / "bomb.png")
    bomb = (tmp_path / "bomb.png").read_bytes()
    assert len(bomb) < 50_000
    limit = {"TRUNKLINE_MAX_PIXELS": "1000000"} if guarded else {}
    environment = {"TRUNKLINE_GRPC_PORT": "off", **limit}
    with Process(tmp_path, "colours", environment=environment) as process:
        address = process.ready()
        assert httpx.post(f"{address}{SERVICE}/image", content=RED).status_code == 200
        before = peak(process)
        answer = httpx.post(f"{address}{SERVICE}/image", content=bomb, timeout=60)
        grown = peak(process) - before
    if guarded:
        assert (answer.status_code, answer.json()["code"]) == (400, "BadRequestImageFormat")
        assert grown < 20
    else:
        assert answer.status_code == 200
        assert grown > 90


def peak(process: Process) -> float:
    """Return the most memory that a process has had in use, in MB."""
    status = Path(f"/proc/{process.process.pid}/status").read_text()
    return int(re.search(r"VmHWM:\s+(\d+)", status)[1]) * 1024 / 1e6  # type: ignore[index]


@pytest.mark.parametrize("path", [f"{SERVICE}/url", "/url"])
@pytest.mark.parametrize(
    ("fetch", "public", "status"),
    [({}, True, 400), ({"allowed": True}, False, 400), ({"allowed": True}, True, 200)],
    ids=["not allowed", "private", "guard taken out"],
)
def test_an_address_inside_is_not_asked(
    models: trunkline.ModelSet,
    tmp_path: Path,
    monkeypatch: Patch,
    path: str,
    fetch: dict[str, bool],
    status: int,
    *,
    public: bool,
) -> None:
    with pictures({"/red.png": RED}) as site:
        port = int(site.partition(":")[2])
        monkeypatch.setattr(fetching, "_PORTS", {"http": port})
        if public:
            monkeypatch.setattr(fetching, "is_public", lambda _: True)
        with live(models, tmp_path, fetch=fetch) as address:
            answer = httpx.post(address + path, json={"url": f"http://{site}/red.png"})
        assert answer.status_code == status
        assert ("red" in answer.text) is (status == 200)


def crowd(
    models: trunkline.ModelSet, tmp_path: Path, patch: Patch, size: int, **settings: Any
) -> tuple[list[int], int]:
    """Ask so often at once of a server that is held up; return statuses, and how many ran."""
    server = assemble(Settings(keys_file=tmp_path / "no-keys.json", **settings), models)
    server.state.ready = True
    let_go, ran, really = threading.Event(), list[bytes](), models.predict

    def predict(picture: bytes, **wanted: Any) -> object:
        ran.append(picture)
        let_go.wait(20)
        return really(picture, **wanted)

    patch.setattr(models, "predict", predict)

    async def ask() -> list[int]:
        transport = httpx.ASGITransport(make_app(server))
        async with httpx.AsyncClient(transport=transport, base_url="http://localhost") as client:
            asking = (client.post(f"{SERVICE}/image", content=RED) for _ in range(size))
            asked = [asyncio.create_task(each) for each in asking]
            await asyncio.sleep(1.0)
            let_go.set()
            answers = await asyncio.gather(*asked)
        assert all("retry-after" in each.headers for each in answers if each.status_code != 200)
        return [each.status_code for each in answers]

    try:
        return asyncio.run(ask()), len(ran)
    finally:
        server.plane.close()


@BOTH
def test_a_queue_that_is_full_refuses(
    models: trunkline.ModelSet, tmp_path: Path, monkeypatch: Patch, *, guarded: bool
) -> None:
    waiting = 3 if guarded else 10_000
    statuses, _ = crowd(models, tmp_path, monkeypatch, 40, waiting=waiting)
    assert set(statuses) == ({200, 429} if guarded else {200})


@BOTH
def test_who_has_waited_past_the_deadline_is_refused(
    models: trunkline.ModelSet, tmp_path: Path, monkeypatch: Patch, *, guarded: bool
) -> None:
    deadline = 0.5 if guarded else 60
    statuses, ran = crowd(models, tmp_path, monkeypatch, 30, waiting=100, deadline=deadline)
    assert set(statuses) == ({200, 503} if guarded else {200})
    assert ran == statuses.count(200)  # what is refused is not run either


@BOTH
def test_no_secret_is_logged(
    models: trunkline.ModelSet,
    tmp_path: Path,
    made: Keys,
    monkeypatch: Patch,
    caplog: pytest.LogCaptureFixture,
    *,
    guarded: bool,
) -> None:
    """Neither good keys nor wrong ones, wherever a client puts them."""
    caplog.set_level(logging.DEBUG)
    if not guarded:
        monkeypatch.setattr(journal.Journal, "_note", careless_note(journal.Journal._note))
    secrets = [made.predict, made.manage, "wrong-key", "in-the-query", "in-the-body", "in-the-url"]
    with live(models, tmp_path, keys_file=made.path, fetch={"allowed": True}) as address:
        for name in ("Prediction-Key", "Training-Key"):
            for key in secrets[:3]:
                headers = {name: key, "Cookie": key}
                httpx.post(f"{address}/predict?key=in-the-query", content=RED, headers=headers)
                httpx.post(f"{address}/predict", content=b"in-the-body", headers=headers)
                url = {"url": "http://user:in-the-url@127.0.0.1/?in-the-url"}
                httpx.post(f"{address}/url", json=url, headers=headers)
        httpx.get(f"{address}/livez", headers={"Authorization": f"Bearer {made.manage}"})
    server_log = [each for each in caplog.records if each.name.startswith(("trunkline", "uvicorn"))]
    assert len(server_log) >= 19
    told = "".join(str(vars(each)) + each.getMessage() for each in server_log)
    assert any(secret in told for secret in secrets) is not guarded


def careless_note(note: Callable[..., None]) -> Callable[..., None]:
    """Return a note of the whole address, as most servers write it."""

    def whole(self: object, scope: dict[str, Any], *more: object) -> None:
        query = scope["query_string"].decode()
        note(self, {**scope, "path": f"{scope['path']}?{query}"}, *more)

    return whole
