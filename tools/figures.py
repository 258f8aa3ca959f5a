"""Make the figures of docs/explanation/lopq.md: `python tools/figures.py docs/images`, or `make figures`."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Any

import matplotlib

matplotlib.use("Agg")
import numpy as np
from matplotlib import pyplot as plt
from matplotlib.patches import Ellipse

from lookalike import LOPQModel
from lookalike.quantization import kmeans

INK, PALE, PAPER = "#30363d", "#8b98a5", "#f7f8fa"
COLOURS = ("#3b7dd8", "#d9822b", "#3f9b6c", "#a45cc0", "#c8505f", "#4aa3b5")


def main() -> None:
    """Write every figure."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", type=Path)
    folder: Path = parser.parse_args().folder
    plt.rcParams.update(
        {
            "font.size": 10,
            "text.color": INK,
            "axes.edgecolor": PALE,
            "axes.titlecolor": INK,
            "axes.titlesize": 11,
            "figure.facecolor": PAPER,
            "axes.facecolor": PAPER,
            "savefig.facecolor": PAPER,
        }
    )
    cells(folder / "lopq-cells.png")
    codewords(folder / "lopq-codewords.png")


def cells(path: Path) -> None:
    """Draw vectors in six cells, and each cell's own axes from a trained model."""
    rng = np.random.default_rng(3)
    centres = np.array([[-3.2, 1.6], [0.2, 2.6], [3.3, 1.2], [-2.6, -2.0], [0.7, -1.3], [3.4, -2.2]])
    angles = np.array([0.5, -0.7, 1.35, -0.35, 0.95, 0.05])
    parts = []
    for centre, angle in zip(centres, angles, strict=True):
        turn = np.array([[np.cos(angle), np.sin(angle)], [-np.sin(angle), np.cos(angle)]])
        parts.append(centre + (rng.normal(size=(220, 2)) * [0.95, 0.26]) @ turn)
    vectors = np.concatenate(parts).astype(np.float32)
    model = LOPQModel.fit(vectors, n_coarse=6, n_subquantizers=2, codebooks="shared", rotation="local")
    which, _ = model.encode(vectors)
    figure, panels = plt.subplots(1, 2, figsize=(10, 4.2), constrained_layout=True)
    panels[0].set_title("residuals of all cells: no axes fit")
    panels[1].set_title("each cell's own axes")
    for cell in range(6):
        own = vectors[which == cell]
        colour = COLOURS[cell]
        residuals = own - own.mean(axis=0)
        panels[0].scatter(*residuals.T, s=6, color=colour, alpha=0.55, linewidths=0)
        panels[1].scatter(*own.T, s=6, color=colour, alpha=0.55, linewidths=0)
        origin = model.frames.offsets[0, cell] @ model.projection.basis.T + model.projection.mean
        axes = model.frames.rotation(0, cell) @ model.projection.basis.T
        lengths = (residuals @ axes.T).std(axis=0)
        major = int(lengths.argmax())
        angle = np.degrees(np.arctan2(axes[major, 1], axes[major, 0]))
        panels[1].add_patch(
            Ellipse(origin, 4 * lengths[major], 4 * lengths[1 - major], angle=angle, fill=False, color=INK, lw=0.8)
        )
        for axis, length in zip(axes, lengths, strict=True):
            ends = np.stack([origin - 2 * length * axis, origin + 2 * length * axis])
            panels[1].plot(*ends.T, color=INK, lw=1.4)
    _plain(panels)
    figure.savefig(path, dpi=130)
    plt.close(figure)


def codewords(path: Path) -> None:
    """Draw the 256 points that 8 bits can name: a grid of 16 by 16, and sums of two codewords."""
    rng = np.random.default_rng(5)
    spread = np.where(rng.random(20_000) < 0.5, 1, -1)
    long = rng.normal(size=(20_000, 2)) * [1.5, 0.35]
    turn = np.stack([np.cos(0.6 * spread), np.sin(0.6 * spread)], axis=1)
    x, y, c, t = long[:, 0], long[:, 1], turn[:, 0], turn[:, 1]
    vectors = np.stack([x * c - y * t, x * t + y * c], axis=1).astype(np.float32)
    product = [kmeans(vectors[:, [d]].astype(np.float32), 16, rng=rng)[:, 0] for d in range(2)]
    grid = np.stack(np.meshgrid(*product), axis=-1).reshape(-1, 2)
    first = kmeans(vectors, 16, rng=rng)
    second = kmeans(vectors - first[_nearest(vectors, first)], 16, rng=rng)
    for _ in range(12):  # by turns: code, then solve for all codewords at once
        sums = (first[:, None] + second[None]).reshape(-1, 2)
        code = _nearest(vectors, sums)
        hot = np.zeros((len(vectors), 32))
        hot[np.arange(len(vectors)), code // 16] = 1
        hot[np.arange(len(vectors)), 16 + code % 16] = 1
        words = np.linalg.solve(hot.T @ hot + np.eye(32), hot.T @ vectors + np.concatenate([first, second]))
        first, second = words[:16].astype(np.float32), words[16:].astype(np.float32)
    sums = (first[:, None] + second[None]).reshape(-1, 2)
    figure, panels = plt.subplots(1, 2, figsize=(10, 4.2), constrained_layout=True)
    for panel, points, name in zip(panels, (grid, sums), ("product: 16 x 16", "additive: 16 + 16"), strict=True):
        error = ((vectors - points[_nearest(vectors, points)]) ** 2).sum(axis=1).mean() / vectors.var(axis=0).sum()
        panel.set_title(f"{name}, 8 bits: error {error:.1%} of the variance")
        panel.scatter(*vectors[::8].T, s=4, color=PALE, alpha=0.35, linewidths=0)
        panel.scatter(*points.T, s=11, color=COLOURS[0], linewidths=0)
        panel.set_xlim(-4.6, 4.6)
        panel.set_ylim(-3.2, 3.2)
    _plain(panels)
    figure.savefig(path, dpi=130)
    plt.close(figure)


def _nearest(vectors: np.ndarray, points: np.ndarray) -> np.ndarray:
    nearest: np.ndarray = ((vectors[:, None] - points[None]) ** 2).sum(axis=2).argmin(axis=1)
    return nearest


def _plain(panels: Any) -> None:  # noqa: ANN401  matplotlib publishes no types
    for panel in panels:
        panel.set_aspect("equal")
        panel.set_xticks([])
        panel.set_yticks([])
        for side in panel.spines.values():
            side.set_visible(False)


if __name__ == "__main__":
    main()
