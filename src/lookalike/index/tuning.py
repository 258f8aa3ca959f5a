"""The cheapest search that finds enough: cells to visit and depth to re-rank, chosen by measuring.

For a fixed number of cells, recall does not fall with the depth of re-ranking; at the largest depth it does not fall
with the number of cells, but for a hit in thousands. So the search for a setting is two bisections: the fewest cells
that reach the target at the largest depth; then, for those and for twice, four times ... as many, the smallest depth
that still does. More cells with a smaller depth may be cheaper than fewer with a larger one; the clock decides among
the few settings that are left. Their searches are timed in turns, so that a slow spell of the machine falls on all of
them alike, and compared by their medians.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from itertools import count
from statistics import median
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from lookalike.errors import InvalidArgumentError
from lookalike.index.identities import Ids
from lookalike.index.results import SearchResult
from lookalike.quantization.arguments import as_array

__all__ = ["SearchDefaults", "Setting", "Truth", "Tuning", "given_truth", "tuned"]

_LARGEST_DEPTH = 64
"""Re-ranking goes to so many times ``k``, beyond which more cells always measured cheaper."""
_ROUNDS = 5
_TIMED = 6
"""Settings that the clock decides among: those that were quickest when they were first searched."""
_SAME = 1 + 1e-5
"""Two kernels round the same distance differently by less than this."""


@dataclass(frozen=True, slots=True)
class SearchDefaults:
    """What a search does where its call says nothing.

    Parameters
    ----------
    n_probe : int
        Cells to visit, and more while they hold fewer than ``k`` or ``rerank`` codes.
    rerank : int
        Depth of re-ranking; 0 ranks by codes alone.
    k : int
        The number of hits this was found for; a search for more re-ranks as much more.
    """

    n_probe: int
    rerank: int
    k: int

    def __post_init__(self) -> None:
        for name, least in (("n_probe", 1), ("rerank", 0), ("k", 1)):
            value = getattr(self, name)
            if not isinstance(value, int) or isinstance(value, bool) or not least <= value < 2**48:
                raise InvalidArgumentError(f"`{name}` of the defaults is {value!r}; at least {least} is needed.")

    def depth(self, k: int) -> int:
        """How many are re-ranked in a search for ``k`` hits."""
        return self.rerank if k <= self.k else -(-self.rerank * k // self.k)


@dataclass(frozen=True, slots=True)
class Setting:
    """One way to search, measured.

    Parameters
    ----------
    n_probe : int
    rerank : int
    recall : float
        Mean share of the ``k`` true hits among the ``k`` found.
    seconds : float
        For each query, all queries given in one call; the median where it was timed several times.
    """

    n_probe: int
    rerank: int
    recall: float
    seconds: float


@dataclass(frozen=True, slots=True)
class Tuning:
    """What tuning tried, and what it chose.

    Parameters
    ----------
    chosen : Setting
        The quickest that reaches the target; where none does, the one that finds most.
    reached : bool
        Whether ``chosen`` reaches the target.
    k : int
    target_recall : float
    tried : tuple of Setting
        By number of cells, then depth.
    """

    chosen: Setting
    reached: bool
    k: int
    target_recall: float
    tried: tuple[Setting, ...]

    def __str__(self) -> str:
        lines = [f"{'n_probe':>9}{'rerank':>9}{f'recall@{self.k}':>12}{'ms a query':>12}"]
        for each in self.tried:
            mark = "  chosen" if each is self.chosen else ""
            lines.append(f"{each.n_probe:>9}{each.rerank:>9}{each.recall:>12.4f}{1e3 * each.seconds:>12.4f}{mark}")
        word = "reached" if self.reached else "out of reach"
        return "\n".join([*lines, f"target {self.target_recall:g}: {word}"])


@dataclass(frozen=True, slots=True, eq=False)
class Truth:
    """The true hits of queries.

    Parameters
    ----------
    ids : int64 or str (n_queries, k)
        Empty slots (-1 or "") where there are fewer.
    limits : float32 (n_queries,) or None
        Distance of each query's last true hit, where it was measured as the index re-ranks. Whatever lies within it
        is a true hit as well: of equal vectors it does not matter which are found.
    """

    ids: Ids
    limits: NDArray[np.float32] | None = None

    def recall(self, found: SearchResult, *, exact: bool) -> float:
        """Mean share of true hits found; ``exact`` tells that distances found are not estimates."""
        empty = "" if self.ids.dtype.kind == "U" else -1
        n_wanted = np.count_nonzero(self.ids != empty, axis=1)
        n_found = np.zeros(len(self.ids), np.int64)
        for i, (row, ids) in enumerate(zip(self.ids, found.ids, strict=True)):
            hits = np.isin(ids, row[row != empty])
            if exact and self.limits is not None:
                hits |= found.distances[i] <= self.limits[i] * _SAME
            n_found[i] = min(n_wanted[i], np.count_nonzero(hits & (ids != empty)))
        some = n_wanted > 0
        return float(np.mean(n_found[some] / n_wanted[some])) if some.any() else 1.0


def given_truth(value: ArrayLike, *, n_queries: int, k: int, kind: str) -> Truth:
    """Check true hits that a caller has.

    Parameters
    ----------
    value : array-like (n_queries, at least k)
        Ids, nearest first; -1 or "" in empty slots.
    n_queries, k : int
    kind : {"int", "str"}
        Of the index's ids.
    """
    ids: NDArray[Any] = as_array(value, "truth")
    if ids.ndim != 2 or len(ids) != n_queries or ids.shape[1] < k:
        raise InvalidArgumentError(
            f"`truth` has shape {ids.shape}, but ({n_queries}, {k}) is needed: the ids of the {k} true hits of each "
            "query, nearest first."
        )
    if ids.dtype.kind == "O" and all(isinstance(each, str) for each in ids.flat):
        ids = ids.astype(np.str_)
    if ids.dtype.kind not in ("U" if kind == "str" else "iu"):
        raise InvalidArgumentError(f"`truth` has dtype {ids.dtype}, but this index has ids of kind {kind}.")
    if kind == "str":
        return Truth(ids[:, :k].astype(np.str_))
    return Truth(ids[:, :k].astype(np.int64))


def tuned(
    search: Callable[[int, int], SearchResult],
    truth: Truth,
    *,
    k: int,
    target_recall: float,
    n_cells: int,
    n_vectors: int,
    reranks: bool,
) -> Tuning:
    """Find the quickest setting that reaches a recall.

    Parameters
    ----------
    search : callable
        From a number of cells and a depth to what that finds, for all queries.
    truth : Truth
    k : int
    target_recall : float
    n_cells : int
        Cells that hold something.
    n_vectors : int
    reranks : bool
        Whether there are vectors to re-rank with.
    """
    trials = _Trials(search, truth, reranks=reranks)
    depths = [0]
    if reranks:
        depths = sorted({min(k << step, n_vectors) for step in range(_LARGEST_DEPTH.bit_length())})

    def reaches(n_probe: int, depth: int) -> bool:
        return trials.recall(n_probe, depth) >= target_recall

    least = _least(lambda n_probe: reaches(n_probe, depths[-1]), _doubled(1, n_cells))
    if least is None:
        best = max(trials.settings(), key=lambda each: (each.recall, -each.seconds))
        return Tuning(best, False, k, target_recall, tuple(trials.settings()))
    quickest = np.inf
    for n_probe in _doubled(least, n_cells):
        low, high = 0, len(depths) - 1
        if not reaches(n_probe, depths[high]):
            continue
        while low < high:
            middle = (low + high) // 2
            low, high = (low, middle) if reaches(n_probe, depths[middle]) else (middle + 1, high)
        quickest = min(quickest, trials.seconds(n_probe, depths[low]))
        # more cells at the smallest depth cost more and gain nothing
        if low == 0 or trials.seconds(n_probe, depths[0]) > 2 * quickest:
            break
    good = [each for each in trials.settings() if each.recall >= target_recall]
    contenders = sorted(good, key=lambda each: each.seconds)[:_TIMED]
    for _ in range(_ROUNDS - 1):
        for each in contenders:
            trials.run(each.n_probe, each.rerank)
    timed = {(each.n_probe, each.rerank) for each in contenders}
    settings = trials.settings()
    chosen = min((each for each in settings if (each.n_probe, each.rerank) in timed), key=lambda each: each.seconds)
    return Tuning(chosen, True, k, target_recall, tuple(settings))


class _Trials:
    """Searches made so far: what they found, and how long each took."""

    def __init__(self, search: Callable[[int, int], SearchResult], truth: Truth, *, reranks: bool) -> None:
        self._search = search
        self._truth = truth
        self._reranks = reranks
        self._recalls: dict[tuple[int, int], float] = {}
        self._seconds: dict[tuple[int, int], list[float]] = {}
        self._search(1, 0)  # compiles kernels and warms what is mapped, for no setting's account

    def run(self, n_probe: int, depth: int) -> None:
        found = self._search(n_probe, depth)
        key = n_probe, depth
        if key not in self._recalls:
            self._recalls[key] = self._truth.recall(found, exact=self._reranks and depth > 0)
        self._seconds.setdefault(key, []).append(found.stats.seconds / len(found.ids))

    def recall(self, n_probe: int, depth: int) -> float:
        if (n_probe, depth) not in self._recalls:
            self.run(n_probe, depth)
        return self._recalls[n_probe, depth]

    def seconds(self, n_probe: int, depth: int) -> float:
        self.recall(n_probe, depth)
        return median(self._seconds[n_probe, depth])

    def settings(self) -> list[Setting]:
        return [Setting(*key, recall, median(self._seconds[key])) for key, recall in sorted(self._recalls.items())]


def _doubled(first: int, last: int) -> Iterator[int]:
    """Count from ``first`` by doubling, ``last`` at the end."""
    for step in count():
        if first << step >= last:
            break
        yield first << step
    yield last


def _least(reaches: Callable[[int], bool], steps: Iterator[int]) -> int | None:
    """Give the least number that reaches, to about a twelfth: the first step that does, then halving the gap."""
    low, high = 0, 0
    for step in steps:
        if reaches(step):
            high = step
            break
        low = step
    if not high:
        return None
    while high - low > max(1, high // 12):
        middle = (low + high) // 2
        low, high = (low, middle) if reaches(middle) else (middle, high)
    return high
