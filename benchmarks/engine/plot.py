"""Pictures of the figures, in tones that read on light and on dark pages (the background is transparent)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from matplotlib.ticker import FixedLocator, FuncFormatter, NullLocator

from benchmarks.engine.speed import Point
from benchmarks.style import CONTEXT, INK, OURS, PEER, STYLE, measured, mpl, plt, save

__all__ = ["Curve", "Dots", "plot_codes", "plot_speed"]

_RECALLS = (0.7, 0.8, 0.9, 0.95, 0.98, 0.99, 0.995)


@dataclass(frozen=True, slots=True)
class Curve:
    """A contender's front: label, group ("ours", "FAISS", "one of FAISS", "context") and points."""

    label: str
    group: str
    points: Sequence[Point]


@dataclass(frozen=True, slots=True)
class Dots:
    """What codes of one size reach on one data set: ours, yahoo/lopq's algorithm, and peers by label."""

    title: str
    n_bytes: int
    ours: float
    peers: dict[str, float]


def plot_speed(panels: Sequence[tuple[str, Sequence[Curve]]], path: Path, subtitle: str) -> None:
    """Draw queries per second over recall10@10, one panel a data set; the better, the further up and right."""
    with mpl.rc_context(STYLE):
        figure, axes = plt.subplots(1, len(panels), figsize=(6.4 * len(panels), 5.2), squeeze=False)
        for axis, (title, curves) in zip(axes[0], panels, strict=True):
            _speed_panel(axis, title, curves)
        axes[0][0].set_ylabel("queries per second, one thread")
        figure.text(0.01, 0.005, subtitle, fontsize=8, color=INK)
        figure.tight_layout(rect=(0, 0.03, 1, 1), w_pad=3)
        save(figure, path)


def _speed_panel(axis: Any, title: str, curves: Sequence[Curve]) -> None:  # noqa: ANN401
    axis.set_title(title, loc="left", fontsize=12, fontweight="bold", color=INK)
    axis.set_xscale("function", functions=(_stretch, _shrink))
    axis.set_yscale("log")
    axis.set_xlim(_RECALLS[0], 0.9975)
    axis.xaxis.set_major_locator(FixedLocator(_RECALLS))
    axis.xaxis.set_minor_locator(NullLocator())
    axis.xaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:g}".replace("0.", ".")))
    axis.yaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:,.0f}"))
    measured(axis)
    axis.set_xlabel("share of the 10 nearest that are found (recall10@10)")
    looks = {
        "ours": {"color": OURS, "linewidth": 2.6, "marker": "o", "markersize": 4.5, "zorder": 5},
        "FAISS": {"color": PEER, "linewidth": 2.6, "marker": "o", "markersize": 4.5, "zorder": 4},
        "one of FAISS": {"color": PEER, "linewidth": 0.8, "alpha": 0.35, "zorder": 2},
        "context": {"color": CONTEXT, "linewidth": 1.4, "zorder": 3},
    }
    dashes = iter([(0, (5, 2)), (0, (1, 1.5)), (0, (5, 2, 1, 2)), (0, (3, 1))])
    ours_styles = iter(["-", (0, (2, 1)), (0, (0.6, 1.2))])
    handles = []
    for curve in curves:
        shown = [point for point in curve.points if _RECALLS[0] <= point.recall <= 0.9975]
        if not shown:
            continue
        look = dict(looks[curve.group])
        if curve.group == "context":
            look["linestyle"] = next(dashes)
        if curve.group == "ours":
            look["linestyle"] = next(ours_styles, "-")
        (line,) = axis.plot([p.recall for p in shown], [p.rate for p in shown], **look)
        if curve.group != "one of FAISS":
            line.set_label(curve.label)
            handles.append(line)
    axis.legend(handles=handles, frameon=False, loc="lower left", fontsize=9, labelcolor=INK)


def plot_codes(dots: Sequence[Dots], path: Path, subtitle: str) -> None:
    """Draw recall@1 of codes alone: a row a data set and size, a dot an index, ours in colour."""
    with mpl.rc_context(STYLE):
        figure, axis = plt.subplots(figsize=(9, 0.62 * len(dots) + 1.3))
        for place, row in enumerate(reversed(dots)):
            values = list(row.peers.values())
            low, high = min([row.ours, *values]), max([row.ours, *values])
            axis.plot([low, high], [place, place], color=INK, alpha=0.25, linewidth=1.2, zorder=1)
            axis.scatter(values, [place] * len(values), s=34, color=PEER, alpha=0.55, linewidths=0, zorder=2)
            if values:
                best = max(row.peers, key=lambda name: row.peers[name])
                axis.annotate(
                    best,
                    (row.peers[best], place),
                    xytext=(0, -12),
                    textcoords="offset points",
                    ha="center",
                    fontsize=7.5,
                    color=PEER,
                )
            axis.scatter([row.ours], [place], s=80, color=OURS, linewidths=0, zorder=3)
            axis.annotate(
                f"{row.ours:.3f}".lstrip("0"),
                (row.ours, place),
                xytext=(0, 7),
                textcoords="offset points",
                ha="center",
                fontsize=8.5,
                fontweight="bold",
                color=OURS,
            )
        axis.set_yticks(range(len(dots)), [f"{row.title}\n{row.n_bytes} bytes" for row in reversed(dots)], fontsize=8.5)
        axis.set_ylim(-0.6, len(dots) - 0.4)
        axis.set_xlim(left=0)
        axis.xaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:.1f}".lstrip("0") if value else "0"))
        axis.grid(axis="x", color=INK, alpha=0.18, linewidth=0.8)
        axis.tick_params(length=0)
        axis.spines["left"].set_visible(False)
        axis.set_xlabel("recall@1 of codes alone: ours (orange) and FAISS's indexes of the same code bytes (blue)")
        figure.text(0.01, 0.005, subtitle, fontsize=8, color=INK)
        figure.tight_layout(rect=(0, 0.03, 1, 1))
        save(figure, path)


def _stretch(recall: Any) -> Any:  # noqa: ANN401  an array
    return -np.log10(np.maximum(1 - np.asarray(recall, float), 1e-4))


def _shrink(place: Any) -> Any:  # noqa: ANN401  an array
    return 1 - 10.0 ** -np.asarray(place, float)
