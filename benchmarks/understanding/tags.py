"""Questions about the tags of 100,000 photos: time, and whether the index answers as comparison with all does."""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

import lookalike
from benchmarks.report import Cell
from lookalike.collection import learned_tags
from lookalike.explore.asking_tags import accept_tags, nearest_photos_of_tag, reject_tags, similar_tags, suggest_tags
from lookalike.tags.tag_index import TagIndex
from lookalike.tags.tag_ranking import N_NEIGHBOURS

COLUMNS = ["question", "asked", "p50, ms", "p95, ms", "as by comparing all"]
N_WARM = 5
_FIRST, _LONG = 10, 60


def tag_rows(directory: Path, *, n: int) -> list[list[Cell]]:
    """Processor time of each question in milliseconds, one thread, and the share of its answer that is exact."""
    rng = np.random.default_rng(0)
    with lookalike.Collection.open(directory, create=False) as photos:
        rows: list[list[Cell]] = []
        first = int(photos.ids()[0])
        learned, _ = _milliseconds(lambda _: suggest_tags(photos, first, _FIRST), [None])
        learned_tags._NOW.clear()
        read, _ = _milliseconds(lambda _: suggest_tags(photos, first, _FIRST), [None])
        rows += [
            ["learning, or the first of a process", 1, learned, "-", "-"],
            ["the first of a process", 1, read, "-", "-"],
        ]
        state = learned_tags.tags_now(photos)
        assert state is not None
        exact = _Exact(photos, state.index)
        tags = [state.index.space.names[i] for i in rng.choice(len(state.index.space.names), N_WARM + n, replace=False)]
        ids = rng.choice(photos.ids(), N_WARM + n, replace=False).tolist()
        for name, ask, asked, same in (
            ("suggestions for a photo", lambda photo: suggest_tags(photos, photo, _FIRST), ids, exact.neighbours),
            ("photos of a tag", lambda tag: nearest_photos_of_tag(photos, tag, _LONG), tags, exact.photos),
            ("similar tags", lambda tag: similar_tags(photos, tag, _FIRST), tags, exact.similar),
        ):
            median, most = _milliseconds(ask, asked)
            rows.append([name, n, median, most, float(np.mean([same(each) for each in asked]))])
        for name, answer in (("accepted", accept_tags), ("rejected", reject_tags)):
            suggested = {photo: suggest_tags(photos, photo, 1)[0].raw for photo in ids}
            seconds = []
            for photo, tag in suggested.items():
                answer(photos, photo, tag)
                started = time.process_time()
                suggest_tags(photos, photo, _FIRST)
                seconds.append(time.process_time() - started)
                (photos.untag if name == "accepted" else photos.tag)(photo, tag)
                photos.untag(photo, tag)
            median, most = np.quantile(seconds[N_WARM:], [0.5, 0.95]) * 1000
            rows.append([f"suggestions after one was {name}", n, float(median), float(most), "-"])
    return rows


def _milliseconds(ask: Callable[[object], object], asked: list[object]) -> tuple[float, float]:
    """Median and 95th percentile; the first are not counted where there are more."""
    seconds = []
    for each in asked:
        started = time.process_time()
        ask(each)
        seconds.append(time.process_time() - started)
    median, most = np.quantile(seconds[N_WARM if len(seconds) > N_WARM else 0 :], [0.5, 0.95]) * 1000
    return float(median), float(most)


class _Exact:
    """The same questions by comparing all."""

    def __init__(self, photos: lookalike.Collection, index: TagIndex) -> None:
        self._photos, self._index = photos, index
        blocks = list(index.blocks(index.ids))
        ids = np.concatenate([ids for ids, _ in blocks])
        order = np.argsort(ids)
        self._ids, self._places = ids[order], np.concatenate([places for _, places in blocks])[order]
        self._tagged = np.flatnonzero(index.space.carried.per_photo() > 0)

    def photos(self, tag: str) -> float:
        near = self._nearest(self._places @ self._index.space.tags[self._index.space.number(tag)], _LONG)
        return _shared(self._ids[near], [photo for photo, _ in self._index.nearest_photos(tag, _LONG)])

    def similar(self, tag: str) -> float:
        space = self._index.space
        return _shared(
            [name for name, _ in space.similar_tags(tag, _FIRST)],
            [name for name, _ in self._index.similar_tags(tag, _FIRST)],
        )

    def neighbours(self, photo: int) -> float:
        row = int(np.searchsorted(self._ids, photo))
        voters = self._tagged[self._tagged != row]
        near = voters[self._nearest(self._places[voters] @ self._places[row], N_NEIGHBOURS)]
        found = self._index.neighbours(self._photos.raw_embeddings([photo]), rows=np.array([row]))
        return _shared(near, found.rows[0])

    def _nearest(self, cosines: NDArray[np.float32], k: int) -> NDArray[np.int64]:
        return np.argsort(-cosines, kind="stable")[:k]


def _shared(exact: object, found: object) -> float:
    one, two = set(np.asarray(exact).tolist()), set(np.asarray(found).tolist())
    return len(one & two) / len(one)
