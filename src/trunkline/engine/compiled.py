# SPDX-License-Identifier: Apache-2.0
"""A graph compiled for this machine, called from any number of threads."""

from __future__ import annotations

from collections import deque
from typing import TYPE_CHECKING, Literal

from trunkline.exports.runtime import core

if TYPE_CHECKING:
    from collections.abc import Sequence

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
        """Run the graph, and answer in buffers that are the caller's until released.

        Args:
            tensors: The inputs, in the graph's order.
        """
        try:
            request = self._requests.pop()
        except IndexError:
            request = self._compiled.create_infer_request()
        try:
            request.infer(list(tensors), share_inputs=True, share_outputs=True)
        except BaseException:
            self._requests.append(request)
            raise
        return Call(self._requests, request)


class Call:
    """A call that has been made, and the buffers it answered in, until they are released."""

    def __init__(
        self, requests: deque[openvino.InferRequest], request: openvino.InferRequest
    ) -> None:
        self._requests = requests
        self._request = request
        self.outputs: list[NDArray[np.float32]] = [t.data for t in request.output_tensors]
        """The outputs in the graph's order; views that another call overwrites after release."""

    def release(self) -> None:
        """Give the buffers back for another call."""
        self._requests.append(self._request)
