"""One way to open an ONNX graph: on the CPU, with so many threads, none of which spins when idle."""

from __future__ import annotations

import onnxruntime

from lookalike.errors import EncoderError, InvalidArgumentError

__all__ = ["open_session"]

_MOST_THREADS = 1024
"""More are a mistake, and ONNX Runtime would try to start them."""


def open_session(graph: bytes, name: str, *, n_threads: int = 1) -> onnxruntime.InferenceSession:
    """Open a serialized graph.

    Parameters
    ----------
    graph
        Serialized ONNX model.
    name
        Of the encoder, for messages.
    n_threads
        Threads that one run may use.

    Raises
    ------
    InvalidArgumentError
        If `n_threads` is no whole number from 1 to 1024.
    EncoderError
        If ONNX Runtime refuses the graph.
    """
    if not isinstance(n_threads, int) or not 1 <= n_threads <= _MOST_THREADS:
        raise InvalidArgumentError(f"`n_threads` is {n_threads}, expected a whole number from 1 to {_MOST_THREADS}.")
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = n_threads
    options.inter_op_num_threads = 1
    options.log_severity_level = 3
    options.add_session_config_entry("session.intra_op.allow_spinning", "0")  # idle threads must not burn a core
    try:
        return onnxruntime.InferenceSession(graph, options, providers=["CPUExecutionProvider"])
    except Exception as error:  # ONNX Runtime's exceptions share no base class
        raise EncoderError(f"encoder {name}: ONNX Runtime refuses the graph: {error}") from error
