"""From arguments to a trained model's parts: settings checked, defaults found, recipes trained, the best one taken.

In order: a sample of the vectors, some of them held out, projection, coarse quantizer; then one recipe for the codes
(:mod:`lookalike.quantization.training`), or the one of several that finds most (:mod:`lookalike.quantization.choice`):
with ``rotation="auto"`` of two rotations, both with the same kind of codebooks; then, with ``codebooks="auto"``, of two
kinds of codebooks in the frames that were best (:mod:`lookalike.quantization.arrangement`). So frames are trained once
each, and codebooks of each kind where they matter.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any, Self

import numpy as np
from numpy.typing import ArrayLike, NDArray

from lookalike.errors import InvalidArgumentError
from lookalike.kernels.threads import one_blas_thread
from lookalike.quantization.arguments import as_array, check_choice, check_count, normalised, shown
from lookalike.quantization.arrangement import arranged
from lookalike.quantization.choice import HELD_OUT, Judge, best, report
from lookalike.quantization.coarse import CoarseQuantizer
from lookalike.quantization.projection import Projection
from lookalike.quantization.rotation import ROTATIONS, LocalFrames
from lookalike.quantization.training import CODEBOOK_SAMPLE, Parts, Recipe, active_axes, buckets, sample, train

__all__ = [
    "AXES_SAMPLE",
    "COARSE_SAMPLE_PER_CENTROID",
    "MOST_TRAINING_VECTORS",
    "FitSettings",
    "Start",
    "default_n_coarse",
    "fit_parts",
    "halves_message",
    "recipes_for",
    "tries",
]

COARSE = ("ivf", "multi_index")
CODEBOOKS = ("shared", "local", "additive")
ALLOCATIONS = ("eigenvalue", "water_filling")
_LARGEST_DIM = {"shared": 128, "local": 128, "additive": 256}
MOST_TRAINING_VECTORS = 1_000_000
COARSE_SAMPLE_PER_CENTROID = 256
AXES_SAMPLE = 65_536
_LOCAL_BYTES_PER_VECTOR, _GROUPED_BYTES_PER_VECTOR = 12.5, 2.4
"""What rotations may take for each training vector: twelve and a half where that buys each cell its own, else less than
three, or half of what the projection takes anyway."""
_LEAST_AXES = 0.7
"""Share of the axes worth keeping below which cells rather share rotations than lose more axes."""
_FEW = 2_000
"""Training vectors below which nothing is tried: held-out recall would be noise, and search is nearly exact anyway."""


@dataclass(frozen=True, slots=True, eq=False)
class Start:
    """The parts of a model that training goes on from.

    Parameters
    ----------
    projection : Projection
    coarse : CoarseQuantizer
    frames : LocalFrames
    n_buckets : int
        Sub-vectors of one part over which axes are balanced.
    """

    projection: Projection
    coarse: CoarseQuantizer
    frames: LocalFrames
    n_buckets: int


@dataclass(frozen=True, slots=True, eq=False)
class FitSettings:
    """The checked arguments of ``LOPQModel.fit``; see there.

    ``codebooks`` are those that rotations are tried with, and ``tries_codebooks`` says whether others are tried too.
    """

    start: Start | None
    n_parts: int
    centroids: NDArray[np.float32] | None
    n_coarse: int | None
    dim: int | None
    n_subquantizers: int
    bits: int
    rotation: str
    codebooks: str
    tries_codebooks: bool
    n_rotations: int | None
    water_filling: bool
    error_code: bool
    metric: str
    seed: int

    @classmethod
    def checked(
        cls,
        *,
        start: Start | None = None,
        coarse: str | ArrayLike,
        n_coarse: int | None,
        dim: int | None,
        n_subquantizers: int,
        bits: int,
        rotation: str,
        codebooks: str,
        n_rotations: int | None,
        allocation: str,
        error_code: bool,
        metric: str,
        seed: int,
    ) -> Self:
        """Raise where arguments are wrong in themselves or do not go together."""
        n_parts, centroids = _given_cells(start, coarse)
        if centroids is not None:
            for name, given, needed in (
                ("n_coarse", n_coarse, centroids.shape[1]),
                ("dim", dim, n_parts * centroids.shape[2]),
            ):
                if given is not None and given != needed:
                    raise InvalidArgumentError(
                        f"`{'coarse' if start is None else 'start'}` has {n_parts} x {centroids.shape[1]} centroids of "
                        f"{centroids.shape[2]} dimensions, but `{name}` is {given}. "
                        f"Give `{name}={needed}`, or leave it out."
                    )
            n_coarse, dim = centroids.shape[1], n_parts * centroids.shape[2]
        m = check_count(n_subquantizers, "n_subquantizers")
        if check_count(bits, "bits") not in (4, 8):
            raise InvalidArgumentError(f"`bits` is {shown(bits)}, but 4 or 8 is needed.")
        if n_parts == 2 and (m % 2 or m // 2 * bits % 8):
            raise InvalidArgumentError(halves_message(m, bits))
        can_be_additive = n_parts == 1 and bits == 4 and m >= 4 and not error_code
        tried = False
        if check_choice(codebooks, "codebooks", ("auto", *CODEBOOKS)) == "auto":
            codebooks = "additive" if can_be_additive else "shared"
            tried = can_be_additive and centroids is None
        if codebooks == "additive" and not can_be_additive:
            raise InvalidArgumentError(
                '`codebooks` is "additive", which needs one coarse codebook, bits=4, no `error_code` and at least 4 '
                'sub-quantizers. Change those, or take codebooks="shared".'
            )
        if error_code and (n_parts == 2 or bits == 8):
            raise InvalidArgumentError('`error_code` needs coarse="ivf" and bits=4. Leave it out, or change those.')
        settings = cls(
            start,
            n_parts,
            centroids,
            None if n_coarse is None else check_count(n_coarse, "n_coarse"),
            None if dim is None else check_count(dim, "dim"),
            m,
            int(bits),
            check_choice(rotation, "rotation", ("auto", *ROTATIONS)),
            codebooks,
            tried,
            None if n_rotations is None else check_count(n_rotations, "n_rotations"),
            check_choice(allocation, "allocation", ALLOCATIONS) == "water_filling" or codebooks == "additive",
            error_code,
            metric,
            check_count(seed, "seed", least=0),
        )
        if start is not None and rotation in ("auto", "none") and start.n_buckets % settings.n_buckets:
            raise InvalidArgumentError(
                f"`start` has its axes in order for {n_parts * start.n_buckets} sub-vectors, but {n_parts} x "
                f"{settings.n_buckets} are needed for {m} codes (codebooks={codebooks!r}). Take `n_subquantizers` and "
                '`codebooks` with as many sub-vectors or a divisor of that, or rotation="local", which learns new axes.'
            )
        return settings

    @property
    def n_buckets(self) -> int:
        """Sub-vectors of one part over which axes are balanced."""
        return max(1, buckets(self.codebooks, self.n_subquantizers) // self.n_parts)

    def cells_and_dim(self, n: int, dim_in: int) -> tuple[int, int]:
        """``n_coarse`` and ``dim`` for n training vectors, defaults filled in."""
        k = default_n_coarse(n, self.n_parts) if self.n_coarse is None else self.n_coarse
        if k > n and self.centroids is None:
            raise InvalidArgumentError(
                f"`n_coarse` is {k}, but there are only {n} training vectors. Give at most that, or leave it out."
            )
        multiple = self.n_parts * self.n_buckets
        dim = _default_dim(dim_in, multiple, _LARGEST_DIM[self.codebooks]) if self.dim is None else self.dim
        if dim % multiple:
            raise InvalidArgumentError(
                f"`dim` is {dim}, but a multiple of {multiple} is needed, for example "
                f"{-(-dim // multiple) * multiple}. Or change `n_subquantizers`."
            )
        return k, dim


def fit_parts(
    settings: FitSettings, x: NDArray[np.float32], assemble: Callable[..., Any]
) -> tuple[Projection, Parts, list[dict[str, Any]]]:
    """Train on vectors (n, dim_in); ``assemble`` makes a model of a projection and further parts, to be judged.

    Returns
    -------
    projection : Projection
    parts : tuple
        Coarse quantizer, frames and product of the model.
    report : list of dict
        What was tried, the chosen one first.
    """
    if not len(x):
        raise InvalidArgumentError("`vectors` is empty, but a model needs at least one vector to learn from.")
    n_given = len(x)
    k, dim = settings.cells_and_dim(n_given, x.shape[1])
    rng, rng_coarse, rng_codes = np.random.default_rng(settings.seed).spawn(3)
    if n_given > (most := max(k, MOST_TRAINING_VECTORS)):
        x = x[sample(x, most, rng)]
    x = normalised(x) if settings.metric == "cosine" else x
    held = x[:0]
    start = settings.start
    kept = start.frames if start is not None and settings.rotation == "auto" else None
    tries_rotations = settings.rotation == "auto" and kept is None
    if (tries_rotations or settings.tries_codebooks) and tries(len(x), k):
        out = np.zeros(len(x), np.bool_)
        out[sample(x, min(HELD_OUT, len(x) // 10), rng)] = True
        held, x = x[out], x[~out]
    with one_blas_thread():
        projection = (
            start.projection
            if start is not None
            else Projection.fit(x, dim, n_parts=settings.n_parts, n_subquantizers=settings.n_parts * settings.n_buckets)
        )
        y = projection.project(x)
        lost = projection.lost(x, y)
        if settings.centroids is None:
            rows = sample(y, COARSE_SAMPLE_PER_CENTROID * k, rng)
            coarse = CoarseQuantizer.fit(y[rows], k, settings.n_parts, rng_coarse)
        else:
            coarse = CoarseQuantizer(settings.centroids)
        n_axes = None
        if settings.water_filling and kept is None:
            wanted = active_axes(y[sample(y, AXES_SAMPLE, rng)], coarse, settings.n_subquantizers * settings.bits)
            n_axes = min(dim // settings.n_parts, -(-wanted // settings.n_buckets) * settings.n_buckets)
        recipes = recipes_for(settings, n_given, k, x.shape[1], dim, n_axes)

        def trained(recipe: Recipe) -> Parts:
            return train(recipe, y, lost, coarse, rng_codes, kept, turn=kept is None)

        if not len(held) or (len(recipes) == 1 and not settings.tries_codebooks):
            return projection, trained(recipes[0]), []
        judge = Judge.drawn(x, held, rng)
        models = [(projection, trained(recipe)) for recipe in recipes]
        trials = [
            judge.trial(recipe, assemble(projection, *parts))
            for recipe, (_, parts) in zip(recipes, models, strict=True)
        ]
        if settings.tries_codebooks:
            place = best(trials)
            recipe, model = _with_shared_codebooks(recipes[place], *models[place], y, rng_codes)
            trial = judge.trial(recipe, assemble(model[0], *model[1]))
            place += trial.cost >= trials[place].cost
            models.insert(place, model)
            trials.insert(place, trial)
        return *models[best(trials)], report(trials)


def tries(n: int, n_coarse: int) -> bool:
    """Tell whether so many training vectors are enough for anything to be tried."""
    return n >= max(_FEW, 2 * n_coarse)


def _with_shared_codebooks(
    recipe: Recipe, projection: Projection, parts: Parts, projected: NDArray[np.float32], rng: np.random.Generator
) -> tuple[Recipe, tuple[Projection, Parts]]:
    """Train product codes in the frames of a recipe that has been trained already."""
    (rng_sample,) = rng.spawn(1)
    some = projected[sample(projected, CODEBOOK_SAMPLE, rng_sample)]
    projection, coarse, frames, some = arranged(projection, *parts[:2], some, recipe.n_codes)
    recipe = replace(recipe, codebooks="shared", n_axes=None if recipe.n_axes is None else frames.n_axes)
    lost = np.zeros(len(some), np.float32)  # product codes do not use it
    return recipe, (projection, train(recipe, some, lost, coarse, rng, frames))


def _given_cells(start: Start | None, coarse: str | ArrayLike) -> tuple[int, NDArray[np.float32] | None]:
    """How many parts there are, and the centroids that need no training."""
    if isinstance(coarse, str):
        n_parts = COARSE.index(check_choice(coarse, "coarse", COARSE)) + 1
        if start is None:
            return n_parts, None
        if n_parts > start.coarse.n_parts:
            raise InvalidArgumentError('`coarse` is "multi_index", but `start` has one coarse codebook. Leave one out.')
        return start.coarse.n_parts, start.coarse.centroids
    if start is not None:
        raise InvalidArgumentError("`start` has centroids, and `coarse` gives others. Leave one of them out.")
    array = as_array(coarse, "coarse")
    if array.dtype.kind not in "fiub":
        raise InvalidArgumentError(
            f"`coarse` has dtype {array.dtype}, but {', '.join(map(repr, COARSE))} or centroids, numbers, are needed."
        )
    with np.errstate(over="ignore"):  # what becomes infinite is refused
        centroids = CoarseQuantizer(np.ascontiguousarray(array, np.float32)).centroids
    return len(centroids), centroids


def recipes_for(
    settings: FitSettings, n: int, n_coarse: int, dim_in: int, dim: int, n_axes: int | None
) -> list[Recipe]:
    """Give what is to be trained: one recipe, or for ``auto`` those worth comparing, the smallest model first."""
    s = settings
    d = dim // s.n_parts
    axes = d if n_axes is None else n_axes
    grouped_bytes = max(_GROUPED_BYTES_PER_VECTOR * n, dim_in * dim * 4 / 2)
    n_affordable = int(grouped_bytes // (s.n_parts * axes * d))

    def recipe(rotation: str, n_axes: int | None, n_rotations: int | None = None) -> Recipe:
        return Recipe(rotation, s.codebooks, s.n_subquantizers, s.bits, s.error_code, n_axes, n_rotations)

    if s.rotation == "grouped":
        return [recipe("grouped", n_axes, min(n_coarse, s.n_rotations or max(1, n_affordable)))]
    if s.rotation != "auto":
        return [recipe(s.rotation, n_axes if s.rotation == "local" else None)]
    # one set of axes for all changes nothing for sums of codewords, and is what OPQ turns for product quantization
    recipes = [recipe("none" if s.codebooks == "additive" else "global", None)]
    fewer = int(_LOCAL_BYTES_PER_VECTOR * n // (s.n_parts * n_coarse * d)) // s.n_buckets * s.n_buckets
    if fewer >= _LEAST_AXES * axes:
        recipes.append(recipe("local", n_axes if n_axes is None else min(axes, fewer)))
    elif n_affordable > 1:
        recipes.append(recipe("grouped", n_axes, n_affordable))
    return recipes


def default_n_coarse(n: int, n_parts: int) -> int:
    """Pick a power of two: about sqrt(n) cells, or n / 16 of a multi-index; never under 16 vectors per centroid."""
    wanted = np.sqrt(n) if n_parts == 1 else np.sqrt(n / 16)
    return int(max(1, min(2 ** round(np.log2(max(wanted, 1))), n // 16)))


def _default_dim(dim_in: int, multiple: int, largest: int) -> int:
    """Take all dimensions up to a limit, filled to a multiple; cut to one where that drops under 1 in 20."""
    wanted = min(dim_in, max(largest, multiple))
    below = wanted // multiple * multiple
    return below if below > 0.95 * wanted else -(-wanted // multiple) * multiple


def halves_message(n_subquantizers: int, bits: int) -> str:
    """Say what a multi-index needs."""
    return (
        f"`n_subquantizers` is {n_subquantizers} with {bits} bits, but a multi-index needs whole bytes in each half: "
        f"a multiple of {2 if bits == 8 else 4}."
    )
