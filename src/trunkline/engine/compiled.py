# SPDX-License-Identifier: Apache-2.0
"""A graph compiled for this machine, called from any number of threads."""

from __future__ import annotations

from collections import deque
from contextlib import contextmanager
from typing import TYPE_CHECKING, Literal

from trunkline.exports.runtime import core

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    import numpy as np
    import openvino
    from numpy.typing import NDArray

__all__ = ["Call", "CompiledGraph", "Optimise"]

Optimise = Literal["latency", "throughput"]


class CompiledGraph:
    """A graph compiled for one picture at a time.

    Args:
        graph: The network; it is compiled as it is and not changed.
        cores: How many threads it may use in all.
        optimise: ``"latency"`` to put all of them on one call, ``"throughput"`` to run as many
            calls side by side.

    Raises:
        RuntimeError: OpenVINO cannot compile it.
    """

    def __init__(self, graph: openvino.Model, cores: int, optimise: Optimise = "latency") -> None:
        self._compiled = core().compile_model(
            graph,
            "CPU",
            {
                "PERFORMANCE_HINT": optimise.upper(),
                "NUM_STREAMS": 1 if optimise == "latency" else cores,
                "INFERENCE_NUM_THREADS": cores,
                # Pinned threads of several graphs meet on the same cores while others are idle.
                "ENABLE_CPU_PINNING": False,
                # Processors with bfloat16 or float16 units would use them by default, and the
                # answers would no longer be those of the export.
                "INFERENCE_PRECISION_HINT": "f32",
            },
        )
        # A request holds the buffers of one call. As many exist as calls ever ran at once, and a
        # deque's pop and append are atomic.
        self._requests: deque[openvino.InferRequest] = deque()

    def __call__(self, *tensors: NDArray[np.generic]) -> list[NDArray[np.float32]]:
        """Run the graph and return copies of its outputs, in the graph's order."""
        call = self.run(tensors)
        try:
            return [output.copy() for output in call.outputs]
        finally:
            call.release()

    def run(self, tensors: Sequence[NDArray[np.generic]]) -> Call:
        """Run the graph, in less time than starting it and waiting for it.

        Args:
            tensors: The inputs, in the graph's order.
        """
        with self._request() as request:
            request.infer(list(tensors), share_inputs=True, share_outputs=True)
        return Call(self._requests, request, ended=True)

    def start(self, tensors: Sequence[NDArray[np.generic]]) -> Call:
        """Start to run the graph; other graphs may be started meanwhile.

        Args:
            tensors: The inputs, in the graph's order; left alone until the call has ended.
        """
        with self._request() as request:
            request.start_async(list(tensors), share_inputs=True)
        return Call(self._requests, request, ended=False)

    @contextmanager
    def _request(self) -> Iterator[openvino.InferRequest]:
        """Lend a request, which is taken back at once where it cannot be run."""
        try:
            request = self._requests.pop()
        except IndexError:
            request = self._compiled.create_infer_request()
        try:
            yield request
        except BaseException:
            self._requests.append(request)
            raise


class Call:
    """A call, and the buffers it answers in, until they are released."""

    def __init__(
        self, requests: deque[openvino.InferRequest], request: openvino.InferRequest, *, ended: bool
    ) -> None:
        self._requests = requests
        self._request = request
        self._ended = ended

    @property
    def outputs(self) -> list[NDArray[np.float32]]:
        """The outputs in the graph's order; views that another call overwrites after release.

        Whoever looks first waits until the call has ended.

        Raises:
            RuntimeError: OpenVINO failed while it ran.
        """
        self._wait()
        return [tensor.data for tensor in self._request.output_tensors]

    def release(self) -> None:
        """Give the buffers back for another call, when this one has ended."""
        try:
            self._wait()
        finally:
            self._requests.append(self._request)

    def _wait(self) -> None:
        if not self._ended:
            self._ended = True
            self._request.wait()
