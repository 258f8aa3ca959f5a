"""Draw the figures of docs/explanation/lopq.md with the engine itself: `python -m tools.figures docs/images`."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from benchmarks.engine.datasets import NotAtHandError, load
from benchmarks.style import COLOURS, INK, OURS, PEER, STYLE, bare, mpl, plt, save, title
from lookalike import LOPQModel
from lookalike.quantization import (
    AdditiveQuantizer,
    CoarseQuantizer,
    ProductQuantizer,
    Projection,
    eigenvalue_allocation,
    water_filling,
)
from lookalike.quantization.additive import NormTerms

Vectors = NDArray[np.float32]
Axis = Any

PLANE = (5.5, 3.5)


def main() -> None:
    """Draw every figure, but those whose data is not at hand."""
    parser = argparse.ArgumentParser(prog="python -m tools.figures", description=__doc__)
    parser.add_argument("folder", type=Path)
    arguments = parser.parse_args()
    for draw in (cells, codewords, search, spectrum):
        with mpl.rc_context(STYLE):
            try:
                figure = draw()
            except NotAtHandError as error:
                print(f"no figure of {draw.__name__}: {error}")
                continue
            save(figure, arguments.folder / f"lopq-{draw.__name__}.png")


# ---------------------------------------------------------------------- cells, residuals, frames


def clusters(n: int, seed: int) -> Vectors:
    """Six long clusters in the plane, each lying its own way."""
    rng = np.random.default_rng(seed)
    centres = np.array([[-3.4, 1.3], [0.1, 2.1], [3.5, 1.3], [-3.0, -2.0], [0.4, -1.5], [3.7, -2.2]])
    angles = np.array([0.5, -0.6, 1.3, -0.35, 0.95, 0.05])
    turns = np.array([[[np.cos(a), np.sin(a)], [-np.sin(a), np.cos(a)]] for a in angles])
    which = rng.integers(0, 6, n)
    long = np.clip(rng.normal(size=(n, 2)), -2.4, 2.4) * [0.78, 0.22]
    vectors: Vectors = (centres[which] + np.einsum("nd,nde->ne", long, turns[which])).astype(np.float32)
    return vectors


def cells() -> Any:  # noqa: ANN401
    """Draw cells with their axes, their residuals as they are, and in the cells' frames."""
    vectors = clusters(1_100, 3)
    model = LOPQModel.fit(vectors, n_coarse=6, n_subquantizers=2, codebooks="shared", rotation="local")
    which, _ = model.encode(vectors)
    projected = model.project(vectors)
    local = model.frames.to_local(projected, which[:, None])
    residuals = vectors - origins(model)[which]
    figure, panels = walk_of_three()
    borders(panels[0], model)
    for cell in range(6):
        own = which == cell
        colour = COLOURS[cell]
        for panel, points in zip(panels, (vectors, residuals, local), strict=True):
            panel.scatter(*points[own].T, s=5, color=colour, alpha=0.55, linewidths=0)
        axes = model.frames.rotation(0, cell) @ model.projection.basis.T
        for axis, length in zip(axes, np.quantile(np.abs(local[own]), 0.95, axis=0), strict=True):
            ends = origins(model)[cell] + np.outer([-length, length], axis)
            panels[0].plot(*ends.T, color=colour, lw=1.8, solid_capstyle="round")
    reach = residuals.std(axis=0).max()
    arrows(panels[1], np.linalg.eigh(np.cov(residuals.T))[1].T, residuals)
    arrows(panels[2], np.eye(2), local)
    for panel in panels[1:]:
        panel.set_xlim(-3 * reach, 3 * reach)
        panel.set_ylim(-3 * reach, 3 * reach)
    title(panels[0], "six cells", "lines: the axes that each has learned")
    title(panels[1], "their residuals", "each cell lies its own way")
    title(panels[2], "in their cells' frames", "all alike: one codebook fits")
    for panel in panels:
        bare(panel)
    figure.tight_layout(w_pad=1.5)
    return figure


def origins(model: LOPQModel) -> Vectors:
    """Where residuals of each cell begin, in the plane of the vectors."""
    return model.projection.unproject(model.frames.offsets[0])


def walk_of_three() -> tuple[Any, Any]:
    """Make three panels of one height, the first of them with the whole plane."""
    figure, panels = plt.subplots(1, 3, figsize=(8.4, 2.75), width_ratios=[PLANE[0] / PLANE[1], 1, 1])
    return figure, panels


def borders(panel: Axis, model: LOPQModel, inside: NDArray[np.int64] | None = None) -> None:
    """Draw where the model's cells meet, some of them tinted."""
    sides = [np.linspace(-reach, reach, 520) for reach in PLANE]
    grid = np.stack(np.meshgrid(*sides), axis=-1)
    near = model.coarse.assign(model.project(grid.reshape(-1, 2)))[:, 0].reshape(520, 520)
    for cell in range(model.coarse.n_coarse):
        panel.contour(*sides, near == cell, levels=[0.5], colors=INK, linewidths=0.5, alpha=0.6)
    if inside is not None:
        panel.contourf(*sides, np.isin(near, inside), levels=[0.5, 1.5], colors=PEER, alpha=0.16)
    panel.set_xlim(-PLANE[0], PLANE[0])
    panel.set_ylim(-PLANE[1], PLANE[1])


def arrows(panel: Axis, axes: NDArray[np.floating], points: Vectors) -> None:
    """Draw axes over the range in which 95 % of the points lie."""
    for axis in axes:
        length = float(np.quantile(np.abs(points @ axis), 0.95))
        panel.plot(*np.outer([-length, length], axis).T, color=INK, lw=1.6, solid_capstyle="round")


# ---------------------------------------------------------------------- product and additive codewords


def codewords() -> Any:  # noqa: ANN401
    """Draw the 256 points that 8 bits can name: a grid, and sums of two codewords."""
    rng = np.random.default_rng(5)
    side = np.where(rng.random(20_000) < 0.5, 0.6, -0.6)
    long = rng.normal(size=(20_000, 2)) * [1.5, 0.35]
    turn = np.array([[np.cos(side), -np.sin(side)], [np.sin(side), np.cos(side)]])
    vectors = np.einsum("den,nd->ne", turn.transpose(1, 0, 2), long).astype(np.float32)
    product = ProductQuantizer.fit(vectors, 2, 4, rng)
    grid = np.stack(np.meshgrid(product.codebooks[0, :, 0], product.codebooks[1, :, 0]), axis=-1).reshape(-1, 2)
    nothing = np.zeros(len(vectors))
    additive = AdditiveQuantizer.fit(
        vectors,
        nothing.astype(np.int32),
        NormTerms(nothing.astype(np.float32), None),
        n_coarse=1,
        n_codebooks=2,
        n_norm_codes=1,
        n_groups=1,
        spread=False,
        rng=rng,
    )
    first, second = additive.codebooks
    # codebooks may be moved against each other freely: let the second one lie around the origin
    first, second = first + second.mean(axis=0), second - second.mean(axis=0)
    sums = (first[:, None] + second[None]).reshape(-1, 2)
    figure, panels = plt.subplots(1, 2, figsize=(8.4, 3.3))
    for panel, points, name in zip(panels, (grid, sums), ("product: 16 × 16", "additive: 16 + 16"), strict=True):
        nearest = ((vectors[:, None] - points[None]) ** 2).sum(axis=2).min(axis=1)
        error = nearest.mean() / vectors.var(axis=0).sum()
        title(panel, name, f"8 bits; squared error {100 * error:.2f} % of variance")
        panel.scatter(*vectors[::12].T, s=4, color=INK, alpha=0.35, linewidths=0)
        panel.scatter(*points.T, s=12, color=PEER, linewidths=0)
        panel.set_xlim(-4.7, 4.7)
        panel.set_ylim(-3.1, 3.1)
        bare(panel)
    word = first[np.argmax(first[:, 0] + 0.3 * first[:, 1])]
    for other in second:
        panels[1].plot(*np.stack([word, word + other]).T, color=OURS, lw=0.9, alpha=0.8)
    panels[1].scatter(*(word + second).T, s=16, color=OURS, linewidths=0, zorder=3)
    panels[1].scatter(*word, s=60, color=OURS, marker="s", linewidths=0, zorder=4)
    panels[1].annotate(
        "one word of the first book\nplus each of the second",
        word,
        xytext=(0.99, 0.03),
        textcoords="axes fraction",
        ha="right",
        fontsize=8.5,
        color=OURS,
    )
    figure.tight_layout(w_pad=2)
    return figure


# ---------------------------------------------------------------------- a search


def search() -> Any:  # noqa: ANN401
    """Draw a query's walk: cells visited, codes scanned, nearest compared exactly."""
    vectors = clusters(1_500, 8)
    model = LOPQModel.fit(vectors, n_coarse=24, n_subquantizers=1, codebooks="shared", rotation="global")
    which, codes = model.encode(vectors)
    query = np.array([0.12, -1.1], np.float32)
    n_probe, depth, k = 5, 48, 8
    visited = np.argsort(model.coarse.scores(model.project(query))[0, 0])[:n_probe]
    scanned = np.flatnonzero(np.isin(which, visited))
    estimates = model.estimates(query, which[scanned], codes[scanned])[0]
    candidates = scanned[np.argsort(estimates, kind="stable")[:depth]]
    distances = np.linalg.norm(vectors[candidates] - query, axis=1)
    hits = candidates[np.argsort(distances)[:k]]
    rebuilt = model.decode(which, codes)
    figure, panels = walk_of_three()
    borders(panels[0], model, visited)
    panels[0].scatter(*vectors.T, s=4, color=INK, alpha=0.5, linewidths=0)
    panels[0].scatter(*vectors[scanned].T, s=5, color=PEER, alpha=0.8, linewidths=0)
    panels[1].scatter(*rebuilt[scanned].T, s=12, color=PEER, linewidths=0)
    panels[1].scatter(*rebuilt[candidates].T, s=18, color=OURS, linewidths=0)
    for row in candidates:
        panels[2].plot(*np.stack([rebuilt[row], vectors[row]]).T, color=INK, lw=0.7, alpha=0.7)
    panels[2].scatter(*rebuilt[candidates].T, s=20, color=OURS, marker="s", linewidths=0)
    panels[2].scatter(*vectors[candidates].T, s=20, color=INK, linewidths=0)
    panels[2].scatter(*vectors[hits].T, s=34, color=OURS, linewidths=0, zorder=4)
    radius = np.sort(distances)[k - 1]
    panels[2].add_patch(mpl.patches.Circle((query[0], query[1]), radius, fill=False, color=OURS, lw=1))
    for panel, points in zip(panels[1:], (rebuilt[scanned], vectors[candidates]), strict=True):
        low, high = (f(np.concatenate([points, [query - radius, query + radius]]), axis=0) for f in (np.min, np.max))
        half = 0.53 * (high - low).max()
        panel.set_xlim((low + high)[0] / 2 - half, (low + high)[0] / 2 + half)
        panel.set_ylim((low + high)[1] / 2 - half, (low + high)[1] / 2 + half)
    for panel in panels:
        panel.scatter(*query, s=150, marker="*", color=COLOURS[4], linewidths=0, zorder=5)
        bare(panel)
    title(panels[0], f"1  the nearest {n_probe} of 24 cells", "star: the query; blue: what is visited")
    title(panels[1], f"2  {len(scanned)} codes", f"orange: those of the best {depth}")
    title(panels[2], f"3  {depth} vectors", f"the nearest {k} are the hits")
    figure.tight_layout(w_pad=2)
    return figure


# ---------------------------------------------------------------------- spectrum


def spectrum() -> Any:  # noqa: ANN401
    """Draw where bits go along the axes of real residuals, and how axes are dealt to sub-vectors."""
    data = load("fashion")
    projection = Projection.fit(data.base, 256, n_parts=1, n_subquantizers=1)
    projected = projection.project(data.base)
    coarse = CoarseQuantizer.fit(projected, data.n_coarse, 1, np.random.default_rng(0))
    residuals = projected - coarse.centroids[0][coarse.assign(projected)[:, 0]]
    variances = np.linalg.eigvalsh(np.cov(residuals.T))[::-1]
    figure, panels = plt.subplots(1, 2, figsize=(8.4, 3.5), width_ratios=[1.25, 1])
    _water(panels[0], variances)
    _deal(panels[1], variances[:40], 5)
    figure.tight_layout(w_pad=2)
    return figure


def _water(panel: Axis, variances: NDArray[np.float64]) -> None:
    places = np.arange(1, len(variances) + 1)
    counts = {n_bits: water_filling(variances, n_bits) for n_bits in (64, 128)}
    heights = np.log2(variances) / 2
    levels = {n_bits: heights[:n].mean() - n_bits / n for n_bits, n in counts.items()}
    heights, low = heights - levels[128], heights[-1] - levels[128] - 0.05
    panel.fill_between(places, low, heights, color=INK, alpha=0.14, linewidth=0)
    above = heights
    for (n_bits, n), colour in zip(counts.items(), (OURS, PEER), strict=True):
        level = levels[n_bits] - levels[128]
        panel.fill_between(places[:n], level, above[:n], color=colour, alpha=0.3, linewidth=0)
        above = np.minimum(heights, level)
        panel.plot([1, len(variances)], [level, level], color=colour, lw=1.4)
        panel.annotate(
            f"{n_bits} bits: {n} axes",
            (len(variances), level),
            xytext=(0, 4),
            textcoords="offset points",
            ha="right",
            fontsize=9,
            color=colour,
        )
    panel.plot(places, heights, color=INK, lw=1.6)
    panel.set_xlim(1, len(variances))
    panel.set_ylim(low, heights[0] + 0.05)
    panel.tick_params(which="both", length=0)
    panel.set_xlabel("axis of the residuals, by falling variance")
    panel.set_ylabel("bits of each axis, of 128")
    title(panel, "water-filling", "areas above a line are the bits of a code")


def _deal(panel: Axis, variances: NDArray[np.float64], n_buckets: int) -> None:
    shares = np.log2(variances / variances[-1])
    size = len(variances) // n_buckets
    orders = np.arange(len(variances)), eigenvalue_allocation(variances, n_buckets)
    ramp = mpl.colors.LinearSegmentedColormap.from_list("ramp", [OURS, PEER])
    for side, order in enumerate(orders):
        for bucket, members in enumerate(order.reshape(n_buckets, size)):
            bottom = 0.0
            for axis in np.sort(members):
                panel.bar(
                    bucket + (n_buckets + 1) * side,
                    max(shares[axis] - 0.07, 0),
                    bottom=bottom,
                    width=0.8,
                    color=ramp(axis / len(variances)),
                    alpha=0.85,
                    edgecolor="none",
                )
                bottom += shares[axis]
    panel.set_xticks([(n_buckets - 1) / 2, (n_buckets - 1) / 2 + n_buckets + 1], ["in order", "dealt out"])
    panel.tick_params(length=0)
    panel.set_ylabel("log₂ of the product of variances")
    title(panel, "eigenvalue allocation", "40 axes for 5 sub-vectors")


if __name__ == "__main__":
    main()
