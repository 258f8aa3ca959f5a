"""The live index: adding, searching while it merges, opening, and compaction in memory under updates.

`python -m benchmarks.live PIECE` runs one piece alone: growth or updates. Vectors are SIFT descriptors of photos where
they are at hand, else Fashion-MNIST; everything is written below build/bench/live, which has to be on a disk like the
one that is of interest: every acknowledged call waits for it.
"""

from __future__ import annotations

import shutil
from collections.abc import Sequence

from benchmarks.engine.datasets import DataSet, NotAtHandError, load
from benchmarks.live.growth import measure_growth
from benchmarks.live.updates import measure_updates
from benchmarks.report import ROOT, Report

__all__ = ["PIECES", "run"]

PIECES = ("growth", "updates")
WORK = ROOT / "build" / "bench" / "live"


def run(*, quick: bool, pieces: Sequence[str] = PIECES) -> Report:
    """Measure the pieces asked for."""
    report = Report("The live index: adding, searching, merging, opening", "live")
    data = _data(quick=quick)
    WORK.mkdir(parents=True, exist_ok=True)
    try:
        if "growth" in pieces:
            measure_growth(report, data, WORK, quick=quick)
        if "updates" in pieces:
            measure_updates(report, data, WORK, quick=quick)
    finally:
        shutil.rmtree(WORK)
    return report


def _data(*, quick: bool) -> DataSet:
    if not quick:
        try:
            return load("sift")
        except NotAtHandError as reason:
            print(f"Fashion-MNIST instead of SIFT: {reason}", flush=True)
    return load("fashion", quick=quick)
