"""The vector engine against FAISS, ScaNN and usearch, and what it finds when nothing is turned.

Everything is measured in one process on one machine. Peers' figures are kept in `kept`, as JSON, and their indexes in
build/bench/peers; a run with `--reuse` reads them instead of measuring again, and its table says so.
`python -m benchmarks.engine PIECE` runs one piece alone: codes, defaults, speed, scan or training.
"""

from __future__ import annotations

from collections.abc import Sequence

import faiss

from benchmarks.engine import codes, defaults, scan, training
from benchmarks.engine.contenders import all_contenders
from benchmarks.engine.datasets import DATASETS, DataSet, NotAtHandError, load
from benchmarks.engine.plot import Curve, Dots, plot_codes, plot_speed
from benchmarks.engine.speed import TARGETS, Point, Race, front, race, sweep
from benchmarks.engine.threads import threads
from benchmarks.report import ROOT, Cell, Report, machine

__all__ = ["run"]

PIECES = ("codes", "defaults", "speed", "scan", "training")
IMAGES = ROOT / "docs" / "images"
SPEED_SETS = ("sift",)
SPEED_SETS_OF_ANYONE = ("glove",)
QUICK_SETS = ("fashion",)

Swept = list[tuple[object, list[Point]]]


def run(*, quick: bool, reuse: bool = False, pieces: Sequence[str] = PIECES, names: Sequence[str] = ()) -> Report:
    """Measure the pieces asked for, on the sets asked for (default: all that are at hand)."""
    report = Report("Engine: recall, bytes and speed against other libraries", "engine")
    sets = tuple(names) or (QUICK_SETS if quick else tuple(DATASETS))
    report.notes.append(f"FAISS {faiss.__version__} ({faiss.get_compile_options().strip()}).")
    if reuse:
        report.notes.append("Peers marked (kept figures) were measured by an earlier run on the same machine.")
    at_hand = []
    for name in sets:
        try:
            load(name, quick=quick)
        except NotAtHandError as reason:
            report.notes.append(f"{DATASETS[name][0]} was skipped: {reason}.")
        else:
            at_hand.append(name)
    if "codes" in pieces:
        _codes(report, at_hand, quick=quick, reuse=reuse)
    if "defaults" in pieces:
        _defaults(report, at_hand, quick=quick)
    if "speed" in pieces:
        _speed(report, at_hand, quick=quick, reuse=reuse)
    if "scan" in pieces:
        report.table(
            f"The 4-bit scan alone: one query over {'200,000' if quick else '1,000,000'} codes, k = 10, one thread",
            scan.COLUMNS,
            scan.measure_scan(quick=quick),
        )
    if "training" in pieces:
        _training(report, at_hand, quick=quick)
    return report


def _codes(report: Report, names: Sequence[str], *, quick: bool, reuse: bool) -> None:
    dots = []
    for name in names:
        data = load(name, quick=quick)
        for n_bytes in (8,) if quick else (8, 16):
            print(f"codes alone: {data.title}, {n_bytes} bytes", flush=True)
            rows = codes.measure_codes(data, n_bytes, n_threads=2, quick=quick, reuse=reuse)
            report.table(
                f"Codes alone, {n_bytes} bytes: {data.title}, {data.metric}, {data.n_coarse:,} cells, {data.n_probe} "
                f"visited, {min(len(data.queries), codes.N_QUERIES):,} queries",
                codes.COLUMNS,
                [codes.cells_of(row) for row in rows],
            )
            if near := codes.close_calls(data, rows):
                report.table(
                    f"Those near ours over all {len(data.queries):,} queries, {n_bytes} bytes: {data.title}",
                    codes.CLOSE_COLUMNS,
                    near,
                )
            ours, _, *others = (row.figures for row in rows)
            same = {f["name"]: f["recall@1"] for f in others if f["code_bytes"] == n_bytes}
            dots.append(Dots(data.title, n_bytes, ours["recall@1"], same))
    report.notes.append(
        "Codes alone: searching on one thread, building on the threads shown; queries in one batch, median of 3 "
        "interleaved repeats and their range. FAISS's additive quantizers learn from 65,536 vectors."
    )
    if len(names) == len(DATASETS) and not quick:
        plot_codes(dots, IMAGES / "engine-codes.png", machine())


def _defaults(report: Report, names: Sequence[str], *, quick: bool) -> None:
    rows = []
    for name in names:
        data = load(name, quick=quick)
        print(f"defaults, re-ranked: {data.title}", flush=True)
        rows.append(defaults.measure_defaults(data, 16))
    report.table(
        "Nothing turned, re-ranked: `LOPQIndex.build(vectors)`, `search(queries)`, k = 10",
        defaults.COLUMNS,
        rows,
    )
    report.notes.append(
        f"Nothing turned: at most {defaults.N_QUERIES:,} queries; visited and compared are those of one, as `stats` "
        f"tells them; the goal is recall10@10 {defaults.GOAL}. Building on 2 threads, searching on one, in one batch, "
        f"median of {defaults.REPEATS}."
    )


def _speed(report: Report, at_hand: Sequence[str], *, quick: bool, reuse: bool) -> None:
    names = [name for name in SPEED_SETS if name in at_hand] or [
        n for n in at_hand if quick or n in SPEED_SETS_OF_ANYONE
    ]
    panels = []
    for name in names[:1] if quick else names:
        data = load(name, quick=quick)
        print(f"speed: {data.title}", flush=True)
        with threads(2):
            entrants = list(all_contenders(data, quick=quick, reuse=reuse))
        with threads(1):
            swept = [(entrant, sweep(entrant, data, n_queries=200 if quick else 2_000)) for entrant in entrants]
        for n_threads in (1, 2):
            rows: list[list[Cell]] = []
            for target in TARGETS:
                with threads(n_threads):
                    races = race(swept, data, target, repeats=1 if quick else 5)
                rows += _race_cells(races)
            report.table(
                f"With re-ranking: {data.title}, {n_threads} thread{'s'[: n_threads - 1]}, k = 10",
                RACE_COLUMNS,
                rows,
            )
        curves = [
            Curve(entrant.name, "one of FAISS", front(points)) for entrant, points in swept if entrant.group == "FAISS"
        ]
        every = [point for entrant, points in swept if entrant.group == "FAISS" for point in points]
        curves.append(Curve("FAISS, best of its lists (IVF, PQ fast scan, fp16)", "FAISS", front(every)))
        curves += [
            Curve(entrant.name, entrant.group, front(points)) for entrant, points in swept if entrant.group != "FAISS"
        ]
        panels.append((data.title, curves))
    report.notes.append(
        "With re-ranking: every contender at its fastest setting that reaches the recall in a sweep of 2,000 queries, "
        "then all in turn, medians of 5 repeats and their range, on the same queries (300 of them one at a time); of "
        "FAISS's lists the fastest four. On one thread, seconds are the processor's. "
        "`times FAISS` compares with FAISS's fastest without a graph, of the same total memory or less."
    )
    if panels and not quick:
        plot_speed(panels, IMAGES / "engine-recall-qps.png", machine())


RACE_COLUMNS = [
    "index",
    "target",
    "recall10@10",
    "cells or beam, depth",
    "bytes/vector",
    "queries/s",
    "range",
    "one at a time/s",
    "range of one at a time",
    "times FAISS",
    "one at a time",
]


def _race_cells(races: list[Race]) -> list[list[Cell]]:
    peers = [each for each in races if each.contender.group == "FAISS"]
    best = max((each.rate for each in peers), default=float("nan"))
    best_single = max((each.single_rate for each in peers), default=float("nan"))
    return [
        [
            f"**{each.contender.name}**" if each.contender.group == "ours" else each.contender.name,
            f"{each.target:.2f}",
            each.recall,
            f"{each.setting[0]}, {each.setting[1]}",
            round(each.contender.bytes_per_vector),
            round(each.rate),
            f"{each.rate_range[0]:,.0f}-{each.rate_range[1]:,.0f}",
            round(each.single_rate),
            f"{each.single_range[0]:,.0f}-{each.single_range[1]:,.0f}",
            f"{each.rate / best:.2f}",
            f"{each.single_rate / best_single:.2f}",
        ]
        for each in sorted(races, key=lambda each: -each.rate)
    ]


def _training(report: Report, at_hand: Sequence[str], *, quick: bool) -> None:
    names = [name for name in SPEED_SETS if name in at_hand] or list(at_hand)
    for name in names[:1]:
        data: DataSet = load(name, quick=quick)
        rows: list[list[Cell]] = []
        for n_threads in (1,) if quick else (1, 2):
            print(f"training: {data.title}, {n_threads} thread{'s'[: n_threads - 1]}", flush=True)
            rows += training.measure_training(data, n_threads=n_threads)
        report.table(f"Training and encoding, 8 bytes: {data.title}, {data.n_coarse:,} cells", training.COLUMNS, rows)
    report.notes.append(
        "Training and encoding: once each, seconds of the processor on one thread. FAISS's LSQ has 14 codebooks of 16 "
        "words and a norm of two, learns from 65,536 vectors, and was measured with the codes."
    )
