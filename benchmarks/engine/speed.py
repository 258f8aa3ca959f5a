"""Speed against recall, with re-ranking: what each library's fastest setting for a given recall achieves.

First every contender is swept over its settings, which gives the curves. Then the fastest setting that reaches each
target is measured properly: all contenders in turn, repeat after repeat, so that what else the machine does strikes
all alike; medians and spread. Queries come in one batch, and again one at a time.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from benchmarks.engine.contenders import Contender, Setting
from benchmarks.engine.datasets import DataSet
from benchmarks.engine.recall import overlap
from benchmarks.engine.threads import clock

__all__ = ["TARGETS", "Point", "Race", "front", "race", "sweep"]

TARGETS = (0.90, 0.95, 0.99)
K = 10
N_QUERIES, N_SINGLE = 2_000, 300
N_FAISS = 4
_ENOUGH = 0.9975
_NO_GAIN = 0.0015


@dataclass(frozen=True, slots=True)
class Point:
    """What one setting gives: recall10@10 and queries per second."""

    setting: Setting
    recall: float
    rate: float


@dataclass(frozen=True, slots=True)
class Race:
    """A contender's fastest setting for a target, measured in turn with the others: medians, and lowest and highest."""

    contender: Contender
    target: float
    setting: Setting
    recall: float
    rate: float
    rate_range: tuple[float, float]
    single_rate: float
    single_range: tuple[float, float]


def sweep(contender: Contender, data: DataSet, *, n_queries: int = N_QUERIES) -> list[Point]:
    """Measure a contender's settings, deeper re-ranking only while that helps, more cells until enough is found."""
    queries, truth = data.queries[:n_queries], data.truth[:n_queries]
    contender.search(queries[:10], K, (contender.probes[0], contender.depths[0]))
    points: list[Point] = []
    for n_probe in contender.probes:
        before = -1.0
        for depth in contender.depths:
            setting = (n_probe, depth)
            found, seconds = _timed(contender, queries, setting)
            recall = overlap(found, truth)
            points.append(Point(setting, recall, len(queries) / seconds))
            if recall - before < _NO_GAIN:
                break
            before = recall
        if max(point.recall for point in points) > _ENOUGH:
            break
    return points


def front(points: Iterable[Point]) -> list[Point]:
    """Points that no other beats in both recall and rate, by rising recall."""
    best: list[Point] = []
    for point in sorted(points, key=lambda p: (-p.recall, -p.rate)):
        if not best or point.rate > best[-1].rate:
            best.append(point)
    return best[::-1]


def race(swept: list[tuple[Contender, list[Point]]], data: DataSet, target: float, *, repeats: int) -> list[Race]:
    """Measure contenders that reach `target`, each at its fastest setting, in turn; of FAISS's the fastest few."""
    fastest = []
    for contender, points in swept:
        reaching = [point for point in points if point.recall >= target]
        if reaching:
            fastest.append((contender, max(reaching, key=lambda point: point.rate)))
    theirs = sorted((each for each in fastest if each[0].group == "FAISS"), key=lambda each: -each[1].rate)
    chosen = [(c, point.setting) for c, point in fastest if c.group != "FAISS"]
    chosen += [(c, point.setting) for c, point in theirs[:N_FAISS]]
    queries, truth = data.queries[:N_QUERIES], data.truth[:N_QUERIES]
    singles = queries[:N_SINGLE]
    batch: list[list[float]] = [[] for _ in chosen]
    single: list[list[float]] = [[] for _ in chosen]
    recalls = [0.0] * len(chosen)
    for _ in range(repeats):
        for place, (contender, setting) in enumerate(chosen):
            found, seconds = _timed(contender, queries, setting)
            batch[place].append(len(queries) / seconds)
            recalls[place] = overlap(found, truth)
            started = clock()
            for query in singles:
                contender.search(query[None], K, setting)
            single[place].append(len(singles) / (clock() - started))
    return [
        Race(
            contender,
            target,
            setting,
            recalls[place],
            float(np.median(batch[place])),
            (min(batch[place]), max(batch[place])),
            float(np.median(single[place])),
            (min(single[place]), max(single[place])),
        )
        for place, (contender, setting) in enumerate(chosen)
    ]


def _timed(contender: Contender, queries: NDArray[np.float32], setting: Setting) -> tuple[NDArray[np.integer], float]:
    started = clock()
    found = contender.search(queries, K, setting)
    return found, clock() - started
