"""Words in a joint space: what their scores promise, and what a text costs.

No joint encoder comes with a package, so the mean of a few photos of a class stands for the text that names it, and the
other photos are scored by it, as `JointSpace` scores them; the time is that of random vectors.
"""

from __future__ import annotations

import tempfile
import time
from collections.abc import Sequence
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np

from benchmarks.report import Cell
from benchmarks.understanding.hits import RELIABILITY, shares
from benchmarks.understanding.metrics import average_precision
from benchmarks.understanding.sets import LabelledSet
from lookalike.collection.joint_space import JointSpace
from lookalike.collection.ranking import text_calibration
from lookalike.quantization.arguments import normalised

N_TAUGHT = 8
N_HITS = 50
LEAST_PHOTOS = 6
N_PHOTOS, DIM, N_TEXTS = 100_000, 512, 50

COLUMNS = ["set", "texts", "mAP", *RELIABILITY[1:]]


def reliability_row(labelled: LabelledSet) -> list[Cell]:
    """Share of the first 50 hits of every text that are of its class, by score."""
    rng = np.random.default_rng(0)
    precisions, found, right = [], [], []
    for label in np.unique(labelled.labels):
        of_class = labelled.labels == label
        if of_class.sum() < LEAST_PHOTOS:
            continue
        taught = rng.permutation(np.flatnonzero(of_class))[: min(N_TAUGHT, of_class.sum() // 2)]
        text = labelled.embeddings[taught].mean(0) - labelled.embeddings.mean(0)
        cosines = np.delete(labelled.embeddings, taught, 0) @ (text / np.linalg.norm(text))
        relevant = np.delete(of_class, taught)
        order = np.argsort(-cosines)
        precisions.append(average_precision(relevant[order], int(relevant.sum())))
        found.append(text_calibration(cosines)(cosines[order[:N_HITS]]))
        right.append(relevant[order[:N_HITS]])
    cells = shares(np.concatenate(found), np.concatenate(right))
    return [labelled.name, len(precisions), float(np.mean(precisions)), *cells]


def latency_rows() -> list[list[Cell]]:
    """Processor time of scoring 100,000 photos by a text, and of comparing all with a photo: milliseconds."""
    from lookalike.index.live import LiveIndex

    rng = np.random.default_rng(0)
    centres = rng.standard_normal((300, DIM)).astype(np.float32)

    texts = normalised(rng.standard_normal((N_TEXTS, DIM)).astype(np.float32))
    settings: dict[str, Any] = {"dim": DIM, "metric": "cosine", "centred": True, "flush_at": 4096, "train_from": 2048}
    with tempfile.TemporaryDirectory() as folder, LiveIndex(Path(folder) / "x.sqlite", folder, **settings) as index:
        for start in range(0, N_PHOTOS, 5000):
            noise = rng.standard_normal((5000, DIM)).astype(np.float32)
            index.add(normalised(centres[rng.integers(300, size=5000)] + noise + 2), np.arange(start, start + 5000))
        index.wait()
        state = index.snapshot()
        ids = state.ids()
        some = ids[:: N_PHOTOS // 2048]
        sample = (some, state.vectors(some))
        background: Any = SimpleNamespace(sample=lambda _: sample)
        encoder: Any = SimpleNamespace(encode=lambda numbers: texts[[int(each) for each in numbers]])
        space = JointSpace(encoder)
        space.scores("0", state, ids, background)  # the lengths, which are kept
        by_text = [_timed(lambda i=i: space.scores(str(i), state, ids, background)) for i in range(N_TEXTS)]
        exact = [_timed(lambda i=i: state.search(texts[i], 1000, exact=True)) for i in range(N_TEXTS // 5)]
    return [_row("a text", by_text), _row("a photo, compared with all", exact)]


def _timed(call: Any) -> float:  # noqa: ANN401
    started = time.process_time()
    call()
    return 1000 * (time.process_time() - started)


def _row(name: str, times: Sequence[float]) -> list[Cell]:
    median, most = np.quantile(times, [0.5, 0.95])
    return [name, len(times), float(median), float(most)]
