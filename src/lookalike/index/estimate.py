"""What an index of so many vectors will take, before there is one: bytes, and processor seconds on this machine.

Bytes follow from the formats. Seconds are those of the steps of :mod:`lookalike.quantization.fitting`, each as so many
calls of its inner loop, and the loops are timed here, on random vectors of the right shape, in less than a second of
processor time. Real data is quicker in places (k-means that settles early) and slower in others (memory that is far
away), so seconds are right to about a half, while the process does nothing else.

Which rotation "auto" will choose is known only afterwards. Assumed is the larger of those that it tries: each cell's
own axes, or shared ones where those would take more than the budget; all axes that fit are kept. Of codebooks, sums of
codewords are assumed, which have more bytes and take longer; where product codes are tried beside them, the time of the
trial is counted. For the recipe that was chosen, bytes are exact but for cells that stay empty.

The peak of memory while building is at most the larger of two moments: while frames are learned, residuals and what is
worked on lie beside the training vectors and their projections (or, of few vectors, while codebooks are); and while the
last block of vectors is coded.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from lookalike import kernels
from lookalike.errors import InvalidArgumentError
from lookalike.index.memory import Memory
from lookalike.index.segment import LANES
from lookalike.kernels.threads import n_threads, one_blas_thread
from lookalike.quantization import additive, choice, fitting, model, training
from lookalike.quantization import rotation as rotations
from lookalike.quantization.additive import AdditiveQuantizer, NormTerms, n_norm_codes_for
from lookalike.quantization.kmeans import N_ROUNDS, SEEDS_PER_CLUSTER
from lookalike.quantization.training import Recipe

__all__ = ["Estimate", "Step", "estimated"]

_LARGEST_SQUARE = 384
_MOST_ROTATED = 1 << 26
"""Entries of the rotations that are timed: far more than any cache holds."""
_MOST_GATHERED = 1 << 23
"""Numbers that are gathered while that is timed: so many that their pages are new each time, as they are in earnest."""
_MOST_VECTORS, _LARGEST_DIM, _MOST_CODES = 10**12, 10**5, 1024
_STORED = {None: 0, "float16": 2, "float32": 4}


@dataclass(frozen=True, slots=True)
class Step:
    """One step of making an index.

    Parameters
    ----------
    name : str
    processor_seconds : float
        Over all threads.
    serial_seconds : float
        The part of it that one thread does alone.
    """

    name: str
    processor_seconds: float
    serial_seconds: float = 0.0


@dataclass(frozen=True, slots=True)
class Estimate:
    """What an index will take.

    Parameters
    ----------
    memory : Memory
        Of the model an upper bound, of padding the average.
    peak_bytes : int
        The most that building takes at once beside the array given, a float32 copy of that included.
    rotation : str
        The assumed one.
    n_coarse : int
    training : tuple of Step
    encoding : Step
        Of all vectors, sorting into lists included.
    n_threads : int
    """

    memory: Memory
    peak_bytes: int
    rotation: str
    n_coarse: int
    training: tuple[Step, ...]
    encoding: Step
    n_threads: int

    @property
    def training_processor_seconds(self) -> float:
        """Processor seconds of training, over all threads."""
        return sum(step.processor_seconds for step in self.training)

    @property
    def seconds(self) -> float:
        """From start to end, on threads that have a core each."""
        steps = (*self.training, self.encoding)
        serial = sum(step.serial_seconds for step in steps)
        return serial + (sum(step.processor_seconds for step in steps) - serial) / self.n_threads

    def __str__(self) -> str:
        lines = [str(self.memory), "", f"while building, at most {self.peak_bytes:,} bytes"]
        lines += ["", f"{'':24}processor seconds"]
        for name, value in [
            *((step.name, step.processor_seconds) for step in self.training),
            ("training", self.training_processor_seconds),
            (self.encoding.name, self.encoding.processor_seconds),
        ]:
            lines.append(f"{name:24}{value:>17.1f}")
        lines.append(
            f"about {self.seconds:.0f} s on {self.n_threads} threads; {self.n_coarse} cells; "
            f"assuming rotation={self.rotation!r}"
        )
        return "\n".join(lines)


def estimated(
    n: int,
    dim_in: int,
    *,
    n_codes: int,
    n_coarse: int | None,
    metric: str,
    rotation: str,
    codebooks: str,
    rerank: str | None,
    threads: int | None = None,
) -> Estimate:
    """Estimate an index with one coarse codebook and 4-bit codes; arguments are checked, but for how they agree."""
    if n > _MOST_VECTORS or dim_in > _LARGEST_DIM:
        raise InvalidArgumentError(
            f"`n` is {n} and `dim` {dim_in}, but estimates go to {_MOST_VECTORS} vectors of dimension {_LARGEST_DIM}."
        )
    if n_codes > _MOST_CODES:
        raise InvalidArgumentError(
            f"`bytes_per_vector` is {-(-n_codes // 2)}, but estimates go to {_MOST_CODES // 2} bytes."
        )
    settings = fitting.FitSettings.checked(
        coarse="ivf",
        n_coarse=n_coarse,
        dim=None,
        n_subquantizers=n_codes,
        bits=4,
        rotation=rotation,
        codebooks=codebooks,
        n_rotations=None,
        allocation="eigenvalue",
        error_code=False,
        metric=metric,
        seed=0,
    )
    if settings.codebooks != "additive":
        raise InvalidArgumentError("estimates are for codes of at least 2 bytes. Give `bytes_per_vector=2` or more.")
    k, dim = settings.cells_and_dim(n, dim_in)
    tries = fitting.tries(n, k)
    recipes = fitting.recipes_for(settings, n, k, dim_in, dim, dim)[: None if tries else 1]
    recipe = recipes[-1]
    tries_codebooks = tries and settings.tries_codebooks
    rates = _Rates.measured(dim_in, dim, k, recipe)
    return Estimate(
        memory=_memory(n, dim_in, dim, k, recipe, rerank),
        peak_bytes=_peak(n, dim_in, dim, k, recipe, rerank, cosine=metric == "cosine"),
        rotation=recipe.rotation,
        n_coarse=k,
        training=_training(rates, n, k, dim, recipes, tries_codebooks=tries_codebooks),
        encoding=_encoding(rates, n, recipe, cosine=metric == "cosine"),
        n_threads=threads or n_threads(),
    )


def _n_axes(recipe: Recipe, dim: int) -> int:
    return recipe.n_axes or dim


def _n_rotations(recipe: Recipe, k: int) -> int:
    return {"none": 0, "local": k}.get(recipe.rotation, min(k, recipe.n_rotations or 1))


def _memory(n: int, dim_in: int, dim: int, k: int, recipe: Recipe, rerank: str | None) -> Memory:
    lists = min(k, n)
    axes, n_rotations = _n_axes(recipe, dim), _n_rotations(recipe, k)
    n_groups = training.buckets("additive", recipe.n_codes)
    words = recipe.n_codebooks * 16 * (axes // n_groups) * 4
    frames = k * (dim * 4 + 4) + n_rotations * axes * (dim + 4)
    norms = 8 * k + 64 * n_norm_codes_for(recipe.n_codes)
    spreads = 2 * k * axes if n_rotations else 0
    n_bytes = -(-recipe.n_codes // 2)
    return Memory(
        n=n,
        codes=n_bytes * n,
        padding=n_bytes * (-(-n // LANES) * LANES - n if lists == 1 else lists * (LANES - 1) // 2),
        ids=8 * n,
        lists=8 * (3 * lists + 1),
        deletions=0,
        vectors=_STORED[rerank] * n * dim_in,
        model=4 * dim_in * (dim + 1) + frames + words + norms + spreads,
    )


def _peak(n: int, dim_in: int, dim: int, k: int, recipe: Recipe, rerank: str | None, *, cosine: bool) -> int:
    """Bytes that building takes at once, a float32 copy of the vectors included."""
    n_train = min(n, max(k, fitting.MOST_TRAINING_VECTORS))
    n_words, n_block = min(n_train, training.CODEBOOK_SAMPLE), min(n, model.N_BLOCK)
    given, row = 4 * n * dim_in, 4 * dim
    kept = given + n_train * (4 * dim_in + row)  # given, as trained on, projected
    copies = kept + max(2 * n_train, 6 * n_words) * row
    index = _memory(n, dim_in, dim, k, recipe, rerank)
    coding = given * (2 if cosine else 1) + 4 * n_block * row + index.codes + index.ids
    # sorting into lists: codes as coded, as sorted and in blocks; rows' order and cells
    sorting = given * (2 if cosine else 1) + index.total + 2 * index.codes + 24 * n
    return index.model + max(copies, coding, sorting)


@dataclass(frozen=True, slots=True)
class _Rates:
    """Processor seconds of inner loops: for each vector, unless named otherwise."""

    project: float
    scatter_in: float
    scatter: float
    axes_in: float  # of one eigendecomposition
    axes: float  # of one eigendecomposition
    assign: float
    gather: float
    bins: float  # for each vector and dimension
    product: float  # for each vector, one query
    exact: float  # for each vector and query
    top: float  # for each vector and query
    seed: float
    sums: float
    rotate: float
    encode: float
    encode_plain: float
    seed_product: float  # of one sub-vector
    encode_product: float

    @classmethod
    def measured(cls, dim_in: int, dim: int, k: int, recipe: Recipe) -> _Rates:
        rng = np.random.default_rng(0)
        n = max(256, min(16_384, (1 << 21) // max(dim_in, dim)))
        x_in = rng.normal(size=(n, dim_in)).astype(np.float32)
        x = rng.normal(size=(n, dim)).astype(np.float32)
        basis = rng.normal(size=(dim_in, dim)).astype(np.float32)
        centroids = rng.normal(size=(min(k, 4096), dim)).astype(np.float32)
        cells = rng.integers(0, len(centroids), n).astype(np.int32)
        few = x[: int(np.clip((1 << 26) // (len(centroids) * dim), 64, n))]
        words = recipe.n_codebooks // training.buckets("additive", recipe.n_codes)
        width = max(1, _n_axes(recipe, dim) // training.buckets("additive", recipe.n_codes))
        codes = rng.integers(0, 16, (512, words)).astype(np.uint8)
        narrow = np.ascontiguousarray(x[:, :width])
        sub = max(1, _n_axes(recipe, dim) // recipe.n_codes)
        one_sub = np.ascontiguousarray(x[:, :sub])
        subs = rng.normal(size=(min(n, 2048), sub * recipe.n_codes)).astype(np.float32)
        centroids_of_subs = rng.normal(size=(recipe.n_codes, sub, 16)).astype(np.float32)
        first = np.zeros(len(subs), np.int64)
        distances = rng.random(n, np.float32)
        square = (x.T @ x).astype(np.float64)
        part = np.ascontiguousarray(x_in[:, :_LARGEST_SQUARE])  # more would take more than a second
        grown = dim_in / part.shape[1]
        square_in = (part.T @ part).astype(np.float64)
        ones = np.ones(512, np.float32)
        many = np.repeat(x, -(-_MOST_GATHERED // x.size), axis=0)
        cells_of_many = np.repeat(cells, len(many) // n)

        with one_blas_thread():
            return cls(
                project=_seconds(lambda: (x_in - x_in[0]) @ basis) / n,
                scatter_in=_seconds(lambda: part.T @ (part - part[0])) / n * grown**2,
                scatter=_seconds(lambda: x.T @ x) / n,
                axes_in=_seconds(lambda: np.linalg.eigh(square_in)) * grown**3,
                axes=_seconds(lambda: np.linalg.eigh(square)),
                assign=_seconds(lambda: kernels.assign(few, centroids)) / len(few) * k / len(centroids),
                gather=_seconds(lambda: many - centroids[cells_of_many]) / len(many),
                bins=_seconds(lambda: kernels.label_sums(x, cells, len(centroids), 0, dim)) / x.size,
                product=_seconds(lambda: x @ x[0]) / n,
                exact=_seconds(lambda: kernels.exact_distances(x_in[0], x_in)) / n,
                top=_seconds(lambda: kernels.top_k(distances, 10)) / n,
                seed=_seconds(lambda: kernels.assign(narrow, narrow[:16])) / n,
                sums=_seconds(lambda: kernels.codeword_sums(codes, ones, narrow[:512]))
                / 512
                * training.buckets("additive", recipe.n_codes),
                rotate=_rotate_seconds(rng, dim, k, recipe),
                encode=_encode_seconds(rng, dim, k, recipe),
                encode_plain=_encode_seconds(rng, dim, k, Recipe("none", recipe.codebooks, recipe.n_codes)),
                seed_product=_seconds(lambda: kernels.assign(one_sub, one_sub[:16])) / n,
                encode_product=_seconds(lambda: kernels.encode_subvectors(subs, first, centroids_of_subs)) / len(subs),
            )


def _seconds(loop: Callable[[], object]) -> float:
    """Processor seconds of a loop, over its threads: the least of three, after one that may compile."""
    loop()
    spent = []
    for _ in range(3):
        started = time.process_time()
        loop()
        spent.append(time.process_time() - started)
    return min(spent)


def _rotate_seconds(rng: np.random.Generator, dim: int, k: int, recipe: Recipe) -> float:
    """Time the rotation of one vector, with as many vectors to a rotation as a block of them has."""
    n_rotations, axes = _n_rotations(recipe, k), _n_axes(recipe, dim)
    if not n_rotations:
        return 0.0
    n = 2048
    here = int(np.clip(round(n * n_rotations / rotations.N_BLOCK), 1, max(1, _MOST_ROTATED // (axes * dim))))
    turns = rng.integers(-127, 128, (here, axes, dim)).astype(np.int8)
    x = rng.normal(size=(n, dim)).astype(np.float32)
    cells = rng.integers(0, here, n).astype(np.int32)
    offsets, scales = np.zeros((here, dim), np.float32), np.ones((here, axes), np.float32)
    owner = np.arange(here, dtype=np.int32)
    return _seconds(lambda: kernels.rotate(x, cells, offsets, turns, scales, owner)) / n


def _encode_seconds(rng: np.random.Generator, dim: int, k: int, recipe: Recipe) -> float:
    """Time the encoding of one vector, with as many vectors to a cell as a block of them has."""
    n = 512
    n_groups = training.buckets("additive", recipe.n_codes)
    axes = _n_axes(recipe, dim) // n_groups * n_groups
    here = min(n, max(1, round(n * k / model.N_BLOCK))) if recipe.rotation != "none" else 1
    # codewords as training leaves them: each codebook refines what those before it left
    left = np.geomspace(1, 0.3, recipe.n_codebooks)[:, None, None]
    words = (0.3 * left * rng.normal(size=(recipe.n_codebooks, 16, axes // n_groups))).astype(np.float32)
    spreads = np.ones((here, axes), np.float16) if recipe.rotation != "none" else np.empty((0, axes), np.float16)
    n_norm_codes = additive.n_norm_codes_for(recipe.n_codes)
    levels = np.tile(np.linspace(-2, 2, 16, dtype=np.float32), (n_norm_codes, 1))
    zeros = np.zeros(here, np.float32)
    quantizer = AdditiveQuantizer(words, spreads, zeros, zeros + 1, levels, n_groups)
    x = rng.normal(size=(n, axes)).astype(np.float32)
    cells = np.sort(rng.integers(0, here, n)).astype(np.int32)
    terms = NormTerms(np.zeros(n, np.float32), None)

    def loop() -> NDArray[np.uint8]:
        return quantizer.encode(x, cells, terms)

    return _seconds(loop) / n


def _training(
    rates: _Rates, n: int, k: int, dim: int, recipes: list[Recipe], *, tries_codebooks: bool
) -> tuple[Step, ...]:
    r = rates
    judged = len(recipes) > 1 or tries_codebooks
    n = min(n, max(k, fitting.MOST_TRAINING_VECTORS))
    n_held = min(choice.HELD_OUT, n // 10) if judged else 0
    n -= n_held
    n_coarse = min(n, fitting.COARSE_SAMPLE_PER_CENTROID * k)
    means = N_ROUNDS * n_coarse * dim * r.bins
    seeding = k * min(n_coarse, SEEDS_PER_CLUSTER * k) * r.product
    n_axes = min(n, fitting.AXES_SAMPLE)
    steps = [
        Step("principal axes", n * (r.scatter_in + r.project + 4 * r.gather) + r.axes_in, 4 * n * r.gather + r.axes_in),
        Step("k-means", means + seeding + N_ROUNDS * n_coarse * r.assign, seeding),
        Step("axes worth keeping", n_axes * (r.assign + r.gather + r.scatter) + r.axes, r.axes),
    ]
    frames = serial = codebooks = judging = 0.0
    n_words = min(n, training.CODEBOOK_SAMPLE)
    n_base = min(n, choice.N_BASE)
    for recipe in recipes:
        turned = recipe.rotation != "none"
        frames += n * (r.assign + dim * r.bins + 4 * r.gather + r.scatter)
        serial += n * 4 * r.gather
        if turned:
            passes = 2 if recipe.rotation == "grouped" else 1
            frames += passes * n * (r.scatter + r.gather) + _n_rotations(recipe, k) * r.axes
        encode = r.encode if turned else r.encode_plain
        rotate = r.rotate if turned else 0.0
        n_seeds = min(n_words, additive.SEED_SAMPLE)
        width = _n_axes(recipe, dim) // training.buckets("additive", recipe.n_codes)
        codebooks += recipe.n_codebooks * additive.N_SEED_ROUNDS * n_seeds * (r.seed + width * r.bins)
        codebooks += n_words * (r.assign + rotate + additive.N_ROUNDS * (r.encode_plain + r.sums) + 2 * encode)
        judging += n_base * (r.project + r.assign + 2 * rotate + encode + 4 * r.gather)
        judging += n_base * n_held * (r.top + r.product / 4)  # products of 64 queries at once
    if tries_codebooks:
        rotate = r.rotate if recipes[-1].rotation != "none" else 0.0
        n_codes, sub = recipes[-1].n_codes, max(1, _n_axes(recipes[-1], dim) // recipes[-1].n_codes)
        codebooks += N_ROUNDS * n_words * n_codes * (r.seed_product + sub * r.bins)
        codebooks += n_words * 2 * (r.assign + rotate + r.gather)
        judging += n_base * (r.project + r.assign + 2 * rotate + r.encode_product + 4 * r.gather)
        judging += n_base * n_held * (r.top + r.product / 4)
    steps += [Step("frames of cells", frames, serial), Step("codebooks", codebooks)]
    if judged:
        steps.append(Step("judging", judging + n_held * n_base * (r.exact + r.top)))
    return tuple(steps)


def _encoding(rates: _Rates, n: int, recipe: Recipe, *, cosine: bool) -> Step:
    r = rates
    turned = recipe.rotation != "none"
    encode = r.encode + r.rotate if turned else r.encode_plain
    sorting = n * (3 + cosine) * r.gather
    return Step("encoding", n * (r.project + r.assign + encode + 4 * r.gather) + sorting, sorting)
