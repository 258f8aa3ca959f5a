"""Time to train and to encode: ours against FAISS's OPQ, IVF and PQ of the same cells and code bytes, and its LSQ."""

from __future__ import annotations

import faiss

from benchmarks.engine import peers
from benchmarks.engine.datasets import DataSet
from benchmarks.engine.kept import kept
from benchmarks.engine.threads import clock, threads
from benchmarks.report import Cell
from lookalike import LOPQIndex, LOPQModel

__all__ = ["COLUMNS", "measure_training"]

COLUMNS = [
    "index",
    "threads",
    "train s",
    "train, of FAISS's OPQ",
    "encode vectors/s",
    "encode, times its counterpart",
    "counterpart",
]
N_BYTES = 8
OURS: dict[str, tuple[str, dict[str, object]]] = {
    "product codes 8x8, no rotations": (
        "OPQ",
        {"n_subquantizers": 8, "bits": 8, "rotation": "none", "codebooks": "shared"},
    ),
    "additive codes, no rotations": (
        "LSQ",
        {"n_subquantizers": 16, "rotation": "none", "codebooks": "additive"},
    ),
    "additive codes, a rotation for each cell": (
        "LSQ",
        {"n_subquantizers": 16, "rotation": "local", "codebooks": "additive"},
    ),
    "everything `auto`": ("LSQ", {"n_subquantizers": 16}),
}


def measure_training(data: DataSet, *, n_threads: int) -> list[list[Cell]]:
    """Train and fill FAISS's OPQ and each of ours, once; LSQ is as measured with the codes, on one thread."""
    with threads(n_threads):
        seconds = {"OPQ": _faiss_seconds(data)}
        rates = {"OPQ": len(data.base) / seconds["OPQ"][1], "LSQ": _lsq_rate(data) if n_threads == 1 else None}
        rows: list[list[Cell]] = [_row("FAISS OPQ, IVF, PQ8x8", n_threads, seconds["OPQ"], data, None, "", 1.0)]
        for name, (counterpart, settings) in OURS.items():
            own = _our_seconds(data, settings)
            share = own[0] / seconds["OPQ"][0]
            rows.append(_row(f"**Lookalike**, {name}", n_threads, own, data, rates[counterpart], counterpart, share))
    return rows


def _row(
    name: str,
    n_threads: int,
    seconds: tuple[float, float],
    data: DataSet,
    rate: float | None,
    counterpart: str,
    share: float,
) -> list[Cell]:
    own = len(data.base) / seconds[1]
    times = "" if rate is None else f"{own / rate:.2f}"
    return [name, n_threads, seconds[0], share, round(own), times, counterpart if times else ""]


def _our_seconds(data: DataSet, settings: dict[str, object]) -> tuple[float, float]:
    started = clock()
    model = LOPQModel.fit(data.base, n_coarse=data.n_coarse, metric=data.metric, **settings)  # type: ignore[arg-type]
    trained = clock()
    index = LOPQIndex.from_model(model, rerank=None)
    index.add(data.base)
    return trained - started, clock() - trained


def _faiss_seconds(data: DataSet) -> tuple[float, float]:
    width = min(-(-data.dim // N_BYTES) * N_BYTES, 128)
    index = faiss.index_factory(data.dim, f"OPQ{N_BYTES}_{width},IVF{data.n_coarse},PQ{N_BYTES}x8")
    started = clock()
    index.train(data.base)
    trained = clock()
    index.add(data.base)
    return trained - started, clock() - trained


def _lsq_rate(data: DataSet) -> float | None:
    """Vectors a second that FAISS's LSQ of 16 words encodes, where it was measured."""
    for each in peers.configurations(data.dim, data.n_coarse, N_BYTES):
        figures = kept(data).get(each.factory)
        if "LSQ14x4" in each.factory and figures:
            return len(data.base) / float(figures["encode_seconds"])
    return None
