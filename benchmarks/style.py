"""The look of every figure: transparent, in tones that read on light and dark pages, and the same bytes each time."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import matplotlib as mpl

mpl.use("Agg")
from matplotlib import pyplot as plt

__all__ = ["COLOURS", "CONTEXT", "INK", "OURS", "PEER", "STYLE", "bare", "measured", "mpl", "plt", "save", "title"]

INK = "#7d8590"
OURS = "#e8590c"
PEER = "#2f81f7"
CONTEXT = "#8b949e"
COLOURS = (PEER, OURS, "#1f9d78", "#a371f7", "#d6498f", "#b98a12")
STYLE = {
    "font.family": "DejaVu Sans",
    "font.size": 10,
    "text.color": INK,
    "axes.edgecolor": INK,
    "axes.labelcolor": INK,
    "xtick.color": INK,
    "ytick.color": INK,
    "axes.spines.top": False,
    "axes.spines.right": False,
}


def title(axis: Any, text: str, below: str = "") -> None:  # noqa: ANN401  matplotlib publishes no types
    """Write a panel's title, flush left, and a quieter line below it."""
    axis.set_title(text + ("\n" if below else ""), loc="left", fontsize=11, fontweight="bold", color=INK)
    if below:
        axis.annotate(
            below, (0, 1), xytext=(0, 6), xycoords="axes fraction", textcoords="offset points", fontsize=9, color=INK
        )


def bare(axis: Any) -> None:  # noqa: ANN401
    """Leave nothing of an axis but what is drawn in it, as wide as high."""
    axis.set_aspect("equal")
    axis.axis("off")


def measured(axis: Any) -> None:  # noqa: ANN401
    """Give an axis of measurements its grid."""
    axis.grid(which="major", color=INK, alpha=0.18, linewidth=0.8)
    axis.tick_params(which="both", length=0)


def save(figure: Any, path: Path) -> None:  # noqa: ANN401
    """Write a figure as PNG, the same bytes for the same figure, and let go of it."""
    path.parent.mkdir(parents=True, exist_ok=True)
    figure.savefig(path, dpi=150, transparent=True, bbox_inches="tight", metadata={"Software": None})
    plt.close(figure)
