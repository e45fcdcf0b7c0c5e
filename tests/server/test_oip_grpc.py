# SPDX-License-Identifier: Apache-2.0
"""gRPC as any client sees it: statuses, keys, limits, streams, and an end that loses no call."""

from __future__ import annotations

import asyncio
import importlib
import sys
from typing import TYPE_CHECKING, Any

import grpc
import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from tritonclient.grpc import service_pb2 as theirs
from tritonclient.grpc.service_pb2_grpc import GRPCInferenceServiceStub

import builders
import trunkline
from openprotocol import listening_twice
from trunkline.errors import MissingExtraError, TrunklineError
from trunkline.server.assembly import assemble
from trunkline.server.keyfile import make_key, write_keys
from trunkline.server.oip_grpc import start_grpc
from trunkline.server.settings import Settings

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from trunkline.server.context import Server

    Made = Callable[..., Server]

Code = grpc.StatusCode
RED = builders.png_bytes("red")


@pytest.fixture(scope="module")
def server(model_folder: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    keys = tmp_path_factory.mktemp("keys") / "none.json"
    made = assemble(
        Settings(keys_file=keys, grpc_port=0, max_body_bytes=100_000), trunkline.load(model_folder)
    )
    made.state.ready = True
    yield made
    made.plane.close()


@pytest.fixture(scope="module")
def stub(server: Server) -> Iterator[GRPCInferenceServiceStub]:
    with listening_twice(server) as addresses, grpc.insecure_channel(addresses.grpc) as channel:
        yield GRPCInferenceServiceStub(channel)


def asking(model: str = "hues", **more: Any) -> theirs.ModelInferRequest:
    request = theirs.ModelInferRequest(model_name=model, **more)
    request.inputs.add(name="image", datatype="BYTES", shape=[1]).contents.bytes_contents.append(
        RED
    )
    return request


def refused(call: Callable[..., Any], *arguments: Any, **named: Any) -> grpc.RpcError:
    with pytest.raises(grpc.RpcError) as caught:
        call(*arguments, timeout=20, **named)
    return caught.value


def test_typed_contents_are_answered(stub: GRPCInferenceServiceStub, server: Server) -> None:
    response = stub.ModelInfer(asking(id="seven"))
    assert (response.model_name, response.model_version, response.id) == ("hues", "1", "seven")
    assert [each.name for each in response.outputs] == ["probabilities", "labels"]
    probabilities = np.frombuffer(response.raw_output_contents[0], np.float32)
    expected = server.plane.models.predict(RED)["hues"].probabilities
    np.testing.assert_array_equal(probabilities, expected)
    assert response.raw_output_contents[1].startswith(b"\x03\0\0\0red")


@pytest.mark.parametrize("raw", [True, False])
def test_tensors_are_answered(stub: GRPCInferenceServiceStub, server: Server, raw: bool) -> None:
    request = theirs.ModelInferRequest(model_name="colours")
    tensor = np.full((2, 16, 16, 3), (255, 0, 0), np.float32)
    sent = request.inputs.add(name="tensor", datatype="FP32", shape=tensor.shape)
    if raw:
        request.raw_input_contents.append(tensor.tobytes())
    else:
        sent.contents.fp32_contents.extend(tensor.ravel().tolist())
    response = stub.ModelInfer(request)
    expected = server.plane.models.predict(RED)["colours"].probabilities
    got = np.frombuffer(response.raw_output_contents[0], np.float32).reshape(2, 3)
    np.testing.assert_array_equal(got, [expected, expected])


def spoilt(change: Callable[[Any], object]) -> theirs.ModelInferRequest:
    request = asking()
    change(request)
    return request


@pytest.mark.parametrize(
    ("request_", "code", "said"),
    [
        (asking("nobody"), Code.NOT_FOUND, "nobody"),
        (asking(model_version="4"), Code.NOT_FOUND, "no version '4'"),
        (theirs.ModelInferRequest(model_name="hues"), Code.INVALID_ARGUMENT, "takes one input"),
        (spoilt(lambda r: r.raw_input_contents.append(b"")), Code.INVALID_ARGUMENT, "both typed"),
        (
            spoilt(lambda r: r.raw_input_contents.extend([b"", b""])),
            Code.INVALID_ARGUMENT,
            "1 inputs and 2 raw contents",
        ),
        (spoilt(lambda r: r.outputs.add(name="x")), Code.INVALID_ARGUMENT, "no output 'x'"),
        (
            spoilt(lambda r: setattr(r.inputs[0], "datatype", "FP16")),
            Code.INVALID_ARGUMENT,
            "needs raw contents",
        ),
        (
            spoilt(lambda r: r.inputs[0].shape.__setitem__(0, -1)),
            Code.INVALID_ARGUMENT,
            "at least 0",
        ),
        (
            spoilt(
                lambda r: setattr(
                    r.inputs[0].parameters["shared_memory_region"], "string_param", "r"
                )
            ),
            Code.INVALID_ARGUMENT,
            "shared memory",
        ),
        (
            spoilt(
                lambda r: setattr(
                    r.outputs.add(name="labels").parameters["shared_memory_region"],
                    "string_param",
                    "r",
                )
            ),
            Code.INVALID_ARGUMENT,
            "shared memory",
        ),
        (
            spoilt(
                lambda r: setattr(
                    r.outputs.add(name="probabilities").parameters["classification"],
                    "int64_param",
                    -1,
                )
            ),
            Code.INVALID_ARGUMENT,
            "negative",
        ),
    ],
)
def test_what_does_not_fit_gets_a_status(
    stub: GRPCInferenceServiceStub, request_: Any, code: grpc.StatusCode, said: str
) -> None:
    error = refused(stub.ModelInfer, request_)
    assert error.code() == code
    assert said in error.details()


def test_messages_are_limited(stub: GRPCInferenceServiceStub) -> None:
    large = asking()
    large.raw_input_contents.append(b"\0" * 150_000)
    assert refused(stub.ModelInfer, large).code() == Code.RESOURCE_EXHAUSTED


@settings(
    max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(
    datatype=st.sampled_from(["BYTES", "FP32", "FP16", "UINT8", "BOOL", "x"]),
    name=st.sampled_from(["image", "tensor", ""]),
    shape=st.lists(st.integers(-1, 4) | st.just((1 << 63) - 1), max_size=4),
    raw=st.none() | st.binary(max_size=40),
)
def test_any_tensor_is_a_client_s_fault(
    stub: GRPCInferenceServiceStub, datatype: str, name: str, shape: list[int], raw: bytes | None
) -> None:
    request = theirs.ModelInferRequest(model_name="hues")
    request.inputs.add(name=name, datatype=datatype, shape=shape)
    if raw is not None:
        request.raw_input_contents.append(raw)
    try:
        stub.ModelInfer(request, timeout=20)
    except grpc.RpcError as error:
        fault = error
    else:  # a few pixels are a picture
        assert (datatype, name) == ("UINT8", "image")
        return
    assert fault.code() == Code.INVALID_ARGUMENT


def test_a_fault_of_the_server_s_tells_nothing(
    stub: GRPCInferenceServiceStub, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(*_: object) -> None:
        raise KeyError("secret")

    monkeypatch.setattr("trunkline.server.oip_grpc_methods.model_metadata", broken)
    request = theirs.ModelMetadataRequest(name="hues")
    error = refused(stub.ModelMetadata, request, metadata=(("x-request-id", "r-1"),))
    assert error.code() == Code.INTERNAL
    assert "secret" not in error.details()
    assert "r-1" in error.details()


def test_a_call_has_an_id(stub: GRPCInferenceServiceStub, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level("INFO", "trunkline.server.requests")
    request = theirs.ServerLiveRequest()
    _, call = stub.ServerLive.with_call(request, metadata=(("x-request-id", "abc"),))
    assert dict(call.trailing_metadata())["request-id"] == "abc"
    error = refused(stub.ModelReady, theirs.ModelReadyRequest(name="x" * 50_000))
    assert dict(error.trailing_metadata())["request-id"]
    assert len(error.details()) == 1000
    noted = [each.fields for each in caplog.records if each.name == "trunkline.server.requests"]
    assert [(each["route"], each["code"]) for each in noted] == [
        ("ServerLive", 200),
        ("ModelReady", 404),
    ]
    assert noted[0]["request"] == "abc"


def test_a_model_is_loaded_as_its_files_are(stub: GRPCInferenceServiceStub) -> None:
    load = theirs.RepositoryModelLoadRequest(model_name="hues")
    load.parameters["config"].string_param = "{}"
    assert refused(stub.RepositoryModelLoad, load).code() == Code.INVALID_ARGUMENT


def test_a_stream_goes_on_after_a_fault(stub: GRPCInferenceServiceStub) -> None:
    first, wrong, last = asking(id="1"), asking("nobody", id="2"), asking(id="3")
    answers = list(stub.ModelStreamInfer(iter([first, wrong, last]), timeout=20))
    assert ["nobody" in each.error_message for each in answers] == [False, True, False]
    assert [each.infer_response.id for each in answers] == ["1", "2", "3"]
    assert answers[0].infer_response.raw_output_contents


def test_calls_are_counted(stub: GRPCInferenceServiceStub, server: Server) -> None:
    stub.ServerLive(theirs.ServerLiveRequest())
    refused(stub.ModelReady, theirs.ModelReadyRequest(name="nobody"))
    text = server.metrics.text()[0].decode()
    assert 'api="openinference-grpc",code="200",route="ServerLive"' in text
    assert 'api="openinference-grpc",code="404",route="ModelReady"' in text
    assert server.state.inside == 0


def test_keys_come_as_metadata(make_server: Made, tmp_path: Path) -> None:
    keys = tmp_path / "keys.json"
    (predict, one), (manage, two) = make_key("one", "predict"), make_key("two", "manage")
    write_keys(keys, (one, two))
    with (
        listening_twice(make_server(grpc_port=0, keys_file=keys)) as addresses,
        grpc.insecure_channel(addresses.grpc) as channel,
    ):
        stub = GRPCInferenceServiceStub(channel)
        assert stub.ServerReady(theirs.ServerReadyRequest()).ready
        assert refused(stub.ModelInfer, asking()).code() == Code.UNAUTHENTICATED
        stream = stub.ModelStreamInfer(iter([asking()]), timeout=20)
        assert refused(lambda timeout: list(stream)).code() == Code.UNAUTHENTICATED
        for key in (("authorization", f"Bearer {predict}"), ("prediction-key", predict)):
            assert stub.ModelInfer(asking(), metadata=(key,)).outputs
        unload = theirs.RepositoryModelUnloadRequest(model_name="nobody")
        error = refused(stub.RepositoryModelUnload, unload, metadata=(("prediction-key", predict),))
        assert error.code() == Code.PERMISSION_DENIED
        error = refused(stub.RepositoryModelUnload, unload, metadata=(("training-key", manage),))
        assert error.code() == Code.NOT_FOUND


def test_a_server_that_is_not_ready_says_so(make_server: Made) -> None:
    server = make_server(grpc_port=0)
    server.state.ready = False
    with (
        listening_twice(server) as addresses,
        grpc.insecure_channel(addresses.grpc) as channel,
    ):
        stub = GRPCInferenceServiceStub(channel)
        assert stub.ServerLive(theirs.ServerLiveRequest()).live
        assert not stub.ServerReady(theirs.ServerReadyRequest()).ready
        error = refused(stub.ModelInfer, asking())
        assert error.code() == Code.UNAVAILABLE
        assert ("retry-after", "1") in [tuple(each) for each in error.trailing_metadata()]
        server.state.ready = True
        assert stub.ModelReady(theirs.ModelReadyRequest(name="hues")).ready


def test_stopping_lets_calls_end(make_server: Made, monkeypatch: pytest.MonkeyPatch) -> None:
    server = make_server(grpc_port=0)
    predict = server.plane.predict

    async def slowly(*arguments: Any) -> Any:
        await asyncio.sleep(0.3)
        return await predict(*arguments)

    monkeypatch.setattr(server.plane, "predict", slowly)

    async def live() -> list[Any]:
        running = await start_grpc(server)
        address = f"127.0.0.1:{running.port}"
        async with grpc.aio.insecure_channel(address) as channel:
            stub = GRPCInferenceServiceStub(channel)
            calls = [asyncio.ensure_future(stub.ModelInfer(asking())) for _ in range(4)]
            while server.state.inside < 4:
                await asyncio.sleep(0.001)
            await running.stop(10)
            answers = await asyncio.gather(*calls)
        async with grpc.aio.insecure_channel(address) as channel:
            with pytest.raises(grpc.RpcError):
                await GRPCInferenceServiceStub(channel).ServerLive(
                    theirs.ServerLiveRequest(), timeout=5
                )
        return answers

    assert all(each.raw_output_contents for each in asyncio.run(live()))
    assert server.state.inside == 0


def test_a_port_that_is_taken_is_named(make_server: Made) -> None:
    async def twice() -> None:
        first = await start_grpc(make_server(grpc_port=0))
        try:
            with pytest.raises(TrunklineError, match=f"{first.port}; set grpc_port"):
                await start_grpc(make_server(grpc_port=first.port))
        finally:
            await first.stop(0)

    asyncio.run(twice())


def test_the_newer_address_family_is_served(make_server: Made) -> None:
    async def live() -> bool:
        running = await start_grpc(make_server(grpc_port=0, host="::1"))
        try:
            async with grpc.aio.insecure_channel(f"[::1]:{running.port}") as channel:
                stub = GRPCInferenceServiceStub(channel)
                return (await stub.ServerLive(theirs.ServerLiveRequest(), timeout=10)).live
        finally:
            await running.stop(0)

    assert asyncio.run(live())


def test_without_the_package_the_extra_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "grpc", None)
    monkeypatch.delitem(sys.modules, "trunkline.server.oip_grpc")
    with pytest.raises(MissingExtraError, match="grpcio"):
        importlib.import_module("trunkline.server.oip_grpc")
