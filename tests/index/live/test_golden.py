"""Indexes that earlier versions wrote are opened, searched and written on for ever.

``v1.live``: 64 vectors of 3 dimensions, cosine, centred; ids 3, 4, 50 and 62 removed, 7 and 8 replaced; two segments
with dead rows, five vectors in memory.
"""

from __future__ import annotations

import shutil
from pathlib import Path

import numpy as np

from lookalike import LiveIndex

GOLDEN = Path(__file__).parent / "golden"


def test_the_first_version_is_read_searched_and_written_on(tmp_path: Path) -> None:
    shutil.copytree(GOLDEN / "v1.live", tmp_path / "v1.live")
    report = LiveIndex.verify(tmp_path / "v1.live")
    assert report.is_clean, report
    at = np.arange(64)
    x = np.stack([np.cos(at), np.sin(at), np.cos(at * 0.3)], 1) + 0.5
    x[7:9] *= -1
    kept = np.setdiff1d(at, [3, 4, 50, 62])
    with LiveIndex.open(tmp_path / "v1.live", writable=False) as index:
        assert (index.dim, index.metric, len(index)) == (3, "cosine", 60)
        np.testing.assert_array_equal(index.ids, kept)
        hits = index.search(x[[0, 30, 61, 7]], 3, n_probe=99)
        assert hits.ids[:, 0].tolist() == [0, 30, 61, 7]
        np.testing.assert_allclose(hits.distances[:, 0], 0, atol=1e-3)
        stats = index.stats()
        assert (stats.n_segments, stats.n_rows, stats.n_dead, stats.n_in_memory, stats.damaged) == (2, 60, 5, 5, ())
    with LiveIndex.open(tmp_path / "v1.live", background=False) as index:
        index.add(x[[3, 4]], [3, 4])
        index.compact()
        assert len(index) == 62
    assert LiveIndex.verify(tmp_path / "v1.live").is_clean
