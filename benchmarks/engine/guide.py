"""What each parameter buys and costs, for the parameter guide: `python -m benchmarks.engine.guide docs/images`.

Measured on 100,000 of GloVe's vectors (100 dimensions, cosine), which anyone can get; searches of 1,000 held-out
vectors in one batch; everything on one thread, in the processor's seconds. One parameter is turned at a time, without
rotations where it is not the rotation. What was measured is kept in build/bench/guide.json, and `--reuse` draws the
pictures from it.
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Sequence
from pathlib import Path
from statistics import median
from typing import Any

import faiss
import numpy as np
from matplotlib.ticker import FixedLocator, FuncFormatter, NullLocator
from numpy.typing import NDArray

from benchmarks.engine.datasets import NotAtHandError, load
from benchmarks.engine.recall import overlap
from benchmarks.engine.threads import clock, threads
from benchmarks.report import ROOT, machine
from benchmarks.style import INK, OURS, PEER, STYLE, measured, mpl, plt, save, title
from lookalike import LOPQIndex, LOPQModel
from lookalike.index.encoding import default_codebooks

__all__ = ["measure"]

KEPT = ROOT / "build" / "bench" / "guide.json"
N, N_QUERIES, N_COARSE, N_PROBE = 100_000, 1_000, 256, 32
BYTES = (4, 8, 12, 16, 24, 32)
COARSE = (64, 128, 256, 512, 1024)
PROBES = (1, 2, 4, 8, 16, 32, 64, 128, 256)
DEPTHS = (0, 16, 32, 64, 256)
KINDS: dict[str, dict[str, Any]] = {
    "auto": {"rotation": "auto"},
    "none, additive": {"rotation": "none", "codebooks": "additive"},
    "grouped, additive": {"rotation": "grouped", "codebooks": "additive"},
    "local, additive": {"rotation": "local", "codebooks": "additive"},
    "global, shared": {"rotation": "global", "codebooks": "shared"},
    "local, shared": {"rotation": "local", "codebooks": "shared"},
    "global, shared, 8 bits": {"rotation": "global", "codebooks": "shared", "bits": 8},
}

Vectors = NDArray[np.float32]


class Bench:
    """The vectors, the queries, the truth; and how an index is built and asked."""

    def __init__(self) -> None:
        data = load("glove")
        rows = np.sort(np.random.default_rng(0).choice(len(data.base), N, replace=False))
        self.base: Vectors = data.base[rows]
        self.queries: Vectors = data.queries[:N_QUERIES]
        self.truth: NDArray[np.int64] = faiss.knn(self.queries, self.base, 10)[1]

    def built(self, n_bytes: int, n_coarse: int, **kind: Any) -> tuple[LOPQIndex, dict[str, Any]]:  # noqa: ANN401
        """Train and add; the index and what that took."""
        started = clock()
        codes = 2 * n_bytes if kind.get("bits", 4) == 4 else n_bytes
        kind = {"codebooks": default_codebooks("float16", n_bytes, kind["rotation"]), **kind}
        model = LOPQModel.fit(self.base, n_coarse=n_coarse, n_subquantizers=codes, metric="cosine", **kind)
        trained = clock()
        index = LOPQIndex.from_model(model)
        index.add(self.base)
        return index, {
            "n_bytes": n_bytes,
            "n_coarse": n_coarse,
            "rotation": model.report[0]["rotation"] if model.report else kind["rotation"],
            "n_axes": model.frames.n_axes,
            "n_rotations": model.frames.rotations.shape[1],
            "model_bytes": model.n_model_bytes / N,
            "train_seconds": trained - started,
            "encode_us": 1e6 * (clock() - trained) / N,
        }

    def asked(self, index: LOPQIndex, n_probe: int, rerank: int) -> dict[str, float]:
        """Recall of a search, and microseconds a query: the median of three after one that may compile."""
        spent = []
        for _ in range(4):
            started = clock()
            found = index.search(self.queries, 10, n_probe=n_probe, rerank=rerank)
            spent.append(1e6 * (clock() - started) / N_QUERIES)
        return {
            "n_probe": n_probe,
            "rerank": rerank,
            "recall": overlap(np.asarray(found.ids, np.int64), self.truth),
            "us": median(spent[1:]),
            "codes": found.stats.n_codes / N_QUERIES,
        }


def measure() -> dict[str, Any]:
    """Measure everything, and keep it as it comes."""
    found: dict[str, Any] = {"machine": machine(), "bytes": [], "coarse": [], "search": [], "kinds": []}

    def keep(group: str, entry: dict[str, Any]) -> None:
        found[group].append(entry)
        KEPT.parent.mkdir(parents=True, exist_ok=True)
        KEPT.write_text(json.dumps(found, indent=1))
        print(group, {key: round(value, 3) if isinstance(value, float) else value for key, value in entry.items()})

    with threads(1):
        bench = Bench()
        for n_bytes in BYTES:
            index, facts = bench.built(n_bytes, N_COARSE, rotation="none")
            for depth in (0, 64):
                keep("bytes", {**facts, **bench.asked(index, N_PROBE, depth)})
            if n_bytes == 16:
                for depth in DEPTHS:
                    for n_probe in PROBES:
                        keep("search", bench.asked(index, n_probe, depth))
        for n_coarse in COARSE:
            index, facts = bench.built(8, n_coarse, rotation="none")
            for share in (32, 8):
                keep("coarse", {**facts, "share": 1 / share, **bench.asked(index, n_coarse // share, 64)})
        for name, kind in KINDS.items():
            index, facts = bench.built(8, N_COARSE, **kind)
            for depth in (0, 64):
                keep("kinds", {"name": name, **facts, **bench.asked(index, N_PROBE, depth)})
    return found


# ---------------------------------------------------------------------- pictures


def draw_bytes(found: dict[str, Any]) -> Any:  # noqa: ANN401
    """Draw recall and costs over the bytes of a code."""
    figure, panels = plt.subplots(1, 3, figsize=(8.4, 2.9))
    for depth, colour, label in ((64, PEER, "64 compared exactly"), (0, OURS, "codes alone")):
        rows = [row for row in found["bytes"] if row["rerank"] == depth]
        places = [row["n_bytes"] for row in rows]
        _line(panels[0], places, [row["recall"] for row in rows], colour, label)
        _line(panels[2], places, [row["us"] for row in rows], colour, label)
    _line(panels[1], places, [row["encode_us"] for row in rows], INK, "coding")
    _finish(panels, "bytes_per_vector", places)
    _recall(panels[0])
    title(panels[1], "coding, µs a vector")
    title(panels[2], "search, µs a query")
    return figure


def draw_search(found: dict[str, Any]) -> Any:  # noqa: ANN401
    """Draw recall over cells visited and over time, a line for each depth of re-ranking."""
    figure, panels = plt.subplots(1, 2, figsize=(8.4, 3.4))
    shades = mpl.colors.LinearSegmentedColormap.from_list("depths", [PEER, OURS])
    for place, depth in enumerate(DEPTHS):
        rows = [row for row in found["search"] if row["rerank"] == depth]
        colour = shades(place / (len(DEPTHS) - 1))
        label = f"rerank={depth}" if depth else "rerank=False"
        recalls = [row["recall"] for row in rows]
        _line(panels[0], [row["n_probe"] for row in rows], recalls, colour, label)
        _line(panels[1], [row["us"] for row in rows], recalls, colour, label)
    _finish(panels[:1], "n_probe, of 256 cells", PROBES, legend=False)
    _finish(panels[1:], "µs a query", (10, 20, 50, 100, 200), legend=False)
    for panel in panels:
        _recall(panel)
    handles, labels = panels[0].get_legend_handles_labels()
    panels[1].legend(handles[::-1], labels[::-1], frameon=False, fontsize=8.5, labelcolor=INK, loc="lower right")
    return figure


def draw_coarse(found: dict[str, Any]) -> Any:  # noqa: ANN401
    """Draw recall and costs over the number of cells, at equal shares of cells visited."""
    figure, panels = plt.subplots(1, 3, figsize=(8.4, 2.9))
    for share, colour in ((8, PEER), (32, OURS)):
        rows = [row for row in found["coarse"] if row["share"] == 1 / share]
        places = [row["n_coarse"] for row in rows]
        label = f"n_probe = n_coarse / {share}"
        _line(panels[0], places, [row["recall"] for row in rows], colour, label)
        _line(panels[2], places, [row["us"] for row in rows], colour, label)
    _line(panels[1], places, [row["train_seconds"] for row in rows], INK, "training")
    _finish(panels, "n_coarse", places)
    _recall(panels[0])
    title(panels[1], "training, s")
    title(panels[2], "search, µs a query")
    return figure


def _line(panel: Any, x: Sequence[float], y: Sequence[float], colour: Any, label: str) -> None:  # noqa: ANN401
    panel.plot(x, y, color=colour, lw=2, marker="o", markersize=4, label=label)


def _finish(panels: Sequence[Any], name: str, places: Sequence[float], *, legend: bool = True) -> None:
    for panel in panels:
        measured(panel)
        panel.set_xscale("log", base=2)
        panel.xaxis.set_major_locator(FixedLocator(places))
        panel.xaxis.set_minor_locator(NullLocator())
        panel.xaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:g}"))
        panel.set_xlabel(name)
        panel.set_ylim(bottom=0)
    if legend:
        panels[0].legend(frameon=False, fontsize=8.5, labelcolor=INK, loc="lower right")


def _recall(panel: Any) -> None:  # noqa: ANN401
    panel.set_ylim(0, 1.01)
    panel.yaxis.set_major_formatter(
        FuncFormatter(lambda value, _: f"{value:.1f}"[1:] if 0.05 < value < 0.95 else f"{value:.0f}")
    )
    title(panel, "recall10@10")


def main() -> None:
    """Parse the command line, measure, draw."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.engine.guide", description=__doc__)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--reuse", action="store_true", help="draw what was measured before")
    arguments = parser.parse_args()
    try:
        found = json.loads(KEPT.read_text()) if arguments.reuse and KEPT.exists() else measure()
    except NotAtHandError as error:
        parser.exit(1, f"nothing to measure: {error}\n")
    for draw in (draw_bytes, draw_search, draw_coarse):
        with mpl.rc_context(STYLE):
            figure = draw(found)
            figure.tight_layout(w_pad=1.5)
            save(figure, arguments.folder / f"guide-{draw.__name__.removeprefix('draw_')}.png")


if __name__ == "__main__":
    main()
