"""Whatever is done in whatever order: the index holds what a dictionary holds, and says so after each step."""

from __future__ import annotations

import shutil
import tempfile
from pathlib import Path

import numpy as np
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from lookalike import LiveIndex
from lookalike.index.live import training

DIM = 6
IDS = st.lists(st.integers(0, 40), min_size=1, max_size=12, unique=True)


class LiveIndexMachine(RuleBasedStateMachine):
    """A live index beside a dictionary from id to vector."""

    def __init__(self) -> None:
        super().__init__()
        self.folder = Path(tempfile.mkdtemp())
        self.truth: dict[int, np.ndarray] = {}
        self.index: LiveIndex | None = None
        self.reader: LiveIndex | None = None

    @initialize(
        metric=st.sampled_from(["l2", "cosine", "centred"]),
        compaction=st.sampled_from(["none", "basic", "eager"]),
        flush_at=st.integers(1, 30),
        train_from=st.integers(1, 30),
        seed=st.integers(0, 1000),
    )
    def make(self, metric: str, compaction: str, flush_at: int, train_from: int, seed: int) -> None:
        self.rng = np.random.default_rng(seed)
        self.opening = {"compaction": compaction, "flush_at": flush_at, "train_from": train_from, "background": False}
        options = {"metric": "l2" if metric == "l2" else "cosine", "centred": metric == "centred"}
        self.index = LiveIndex.open(self.folder / "x", dim=DIM, bytes_per_vector=2, **options, **self.opening)
        self.reader = LiveIndex.open(self.folder / "x", writable=False)

    @rule(ids=IDS)
    def add(self, ids: list[int]) -> None:
        vectors = self.rng.normal(size=(len(ids), DIM)).astype(np.float32)
        self.index.add(vectors, ids)
        self.truth.update(zip(ids, vectors, strict=True))

    @rule(n=st.integers(1, 5))
    def add_without_ids(self, n: int) -> None:
        vectors = self.rng.normal(size=(n, DIM)).astype(np.float32)
        ids = self.index.add(vectors)
        assert not self.truth.keys() & set(ids.tolist())
        self.truth.update(zip(ids.tolist(), vectors, strict=True))

    @rule(ids=IDS)
    def remove(self, ids: list[int]) -> None:
        assert self.index.remove(ids) == len(self.truth.keys() & set(ids))
        for each in ids:
            self.truth.pop(each, None)

    @rule()
    def flush(self) -> None:
        self.index.flush()

    @rule()
    def compact(self) -> None:
        self.index.compact()
        assert self.index.stats().n_dead == 0

    @precondition(lambda self: self.truth)
    @rule(half=st.booleans())
    def train(self, half: bool) -> None:
        if half:  # as if killed on the way: the next step goes on
            training.train(self.index._store)
            training.recode_step(self.index._store)
        else:
            self.index.train()

    @rule(writer=st.booleans())
    def open_again(self, writer: bool) -> None:
        if writer:
            self.index.close()
            self.index = LiveIndex.open(self.folder / "x", **self.opening)
        else:
            self.reader.close()
            self.reader = LiveIndex.open(self.folder / "x", writable=False)

    @invariant()
    def holds_what_the_dictionary_holds(self) -> None:
        if self.index is None:
            return
        ids = np.array(sorted(self.truth), np.int64)
        for index in (self.index, self.reader):
            np.testing.assert_array_equal(index.ids, ids)
            assert len(index) == len(ids)
            if len(ids):
                queries = np.stack([self.truth[each] for each in ids])
                np.testing.assert_array_equal(index.search(queries, 1, exact=True).ids[:, 0], ids)
                np.testing.assert_array_equal(index.search(queries, 1, n_probe=99).ids[:, 0], ids)

    def teardown(self) -> None:
        if self.index is not None:
            self.index.close()
            self.reader.close()
            report = LiveIndex.verify(self.folder / "x")
            assert report.is_clean, report
        shutil.rmtree(self.folder)


LiveIndexMachine.TestCase.settings = settings(
    max_examples=8, stateful_step_count=20, deadline=None, suppress_health_check=list(HealthCheck)
)
TestLiveIndex = LiveIndexMachine.TestCase
