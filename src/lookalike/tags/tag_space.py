"""A joint space of tags and photos: the nearest tags of a photo are what it may be tagged with.

In the spirit of DocTag2Vec (Chen, Soni, Pappu and Mehdad 2017), which infers a document's tags as its nearest
neighbours in a common space. There words, documents and tags are trained together by gradient steps; here the encoder
is frozen and what is learned has a closed form: a linear map of photos (:mod:`.tag_map`), and for each tag a vector,
the mean of the photos that carry it less part of the mean of those for which it was rejected. So a tag has its place
from a few photos on, an answer moves it at once, and the same photos and tags give the same bytes.

Photos and tags have unit length and are compared by cosine: one index of both (:mod:`.tag_index`) answers which tags
are near a photo, which photos are near a tag, and which tags are near a tag. Scores combine that with votes of the
nearest tagged photos (:mod:`.tag_ranking`).

Cost of a fit, n photos of ``dim`` dimensions: 4 passes over the embeddings in blocks; n dim^2 up to 50,000 photos, then
n dim d. Memory beside the embeddings: some arrays (dim, dim) and (n_tags, dim).
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field, replace

import numpy as np
from numpy.typing import ArrayLike, NDArray

from lookalike.errors import InvalidArgumentError
from lookalike.kernels.threads import one_blas_thread
from lookalike.quantization.arguments import as_vectors, check_count, normalised
from lookalike.tags.tag_map import (
    Rows,
    TagMap,
    TagSpread,
    add_tag_sums,
    compared_blocks,
    mean_embedding,
    row_basis,
    tag_weights,
)
from lookalike.tags.tag_ranking import Calibration, NearestRows, Neighbours, log_odds, voted
from lookalike.tags.tag_table import TagTable

__all__ = ["TagSpace", "TagSuggestions", "Tags"]

_MOST_SCATTERED = 50_000
"""Photos from which the map is learned."""
_FOLDED = 1280
"""Tagged photos up to which folds are held out in turn; beyond, a fifth is held out once."""
_MANY_FOLDS = 500
"""Photos up to which there are ten folds rather than five."""
_MOST_PAIRS = 2_000_000
"""Pairs of a held-out photo and a tag that scores are fitted on."""
_MOST_HELD = 1000
"""Photos held out where one part is."""
_AGAINST = 0.25
"""How much of the mean of rejected photos is taken off a tag's."""
_SHRUNK = 5.0
"""Photos' worth of doubt about a tag's place: similarity counts n / (n + 5) for a tag of n photos."""

Tags = TagTable | Sequence[Iterable[str]]


@dataclass(frozen=True, slots=True, eq=False)
class TagSuggestions:
    """Tags suggested for some photos, best first.

    Parameters
    ----------
    names : tuple of str
        Of all tags.
    tags : int32 (n, k)
        Numbers of the tags; -1 in empty slots.
    scores : float32 (n, k)
        Probability that the photo would carry the tag, 0 to 1; 0 in empty slots.
    """

    names: tuple[str, ...]
    tags: NDArray[np.int32]
    scores: NDArray[np.float32]

    def of_photo(self, row: int) -> list[tuple[str, float]]:
        """Return a photo's tags by name with their scores, best first."""
        pairs = zip(self.tags[row].tolist(), self.scores[row].tolist(), strict=True)
        return [(self.names[tag], score) for tag, score in pairs if tag >= 0]


@dataclass(frozen=True, slots=True, eq=False)
class TagSpace:
    """Photos and tags in one space. Make one with :meth:`fit`.

    Parameters
    ----------
    map : TagMap
    carried, rejected : TagTable
        The answers it was made of: what each photo carries, and what was rejected for it.
    sums, rejected_sums : float32 (n_tags, d)
        Of the places, of unit length, of photos that carry a tag, and of those for which it was rejected.
    calibration : Calibration

    Attributes
    ----------
    tags : float32 (n_tags, d)
        Places of the tags, of unit length; zero where nothing is known.
    frequencies : float64 (n_tags,)
        Share of the tagged photos that carry each tag, drawn a little to a half.
    """

    map: TagMap
    carried: TagTable
    rejected: TagTable
    sums: NDArray[np.float32]
    rejected_sums: NDArray[np.float32]
    calibration: Calibration
    tags: NDArray[np.float32] = field(init=False)
    frequencies: NDArray[np.float64] = field(init=False)
    _counts: NDArray[np.int64] = field(init=False)

    def __post_init__(self) -> None:
        counts = self.carried.per_tag()
        n_tagged = int(np.count_nonzero(self.carried.per_photo()))
        object.__setattr__(self, "tags", _tag_vectors(self.sums, self.carried, self.rejected_sums, self.rejected))
        object.__setattr__(self, "frequencies", (counts + 0.5) / (n_tagged + 1))
        object.__setattr__(self, "_counts", counts)

    # ------------------------------------------------------------------ making

    @classmethod
    def fit(
        cls,
        embeddings: Rows,
        tags: Tags,
        *,
        rejected: Tags | None = None,
        mean: ArrayLike | None = None,
        n_dims: int = 256,
        seed: int = 0,
    ) -> TagSpace:
        """Learn from photos and their tags.

        Parameters
        ----------
        embeddings : array-like (n, dim)
            As the encoder gives them, of all photos of the collection: those without tags say how photos differ.
            Read by slices of rows, so that a memory map will do.
        tags : TagTable or sequence of iterables of str
            The tags of each photo; none where nobody tagged it. A photo with tags is taken to have all it deserves.
        rejected : TagTable or sequence of iterables of str, optional
            Tags that were suggested for each photo and rejected. What a photo carries as well counts as carried.
        mean : array-like (dim,), optional
            What the collection takes off before it compares; by default the mean of ``embeddings``.
        n_dims : int
            Dimensions of the space, at most.
        seed : int
            Decides which photos are held out to calibrate scores.

        Raises
        ------
        InvalidArgumentError
            Shapes that do not agree, or values that are not finite.
        """
        n_dims = check_count(n_dims, "n_dims")
        if len(embeddings.shape) != 2 or not embeddings.shape[1]:
            raise InvalidArgumentError(f"`embeddings` has shape {embeddings.shape}, but (n, dim) is needed.")
        n, dim = embeddings.shape
        carried, refused = _answers(tags, rejected, n)
        with one_blas_thread():
            centre = mean_embedding(embeddings) if mean is None else as_vectors(mean, "mean", dim=dim)[0]
            if not np.isfinite(centre).all():
                raise InvalidArgumentError("`embeddings` holds values that are not finite; remove those rows.")
            return _Fit(embeddings, carried, refused, centre, n_dims, check_count(seed, "seed", least=0)).space()

    def with_answers(
        self,
        embeddings: ArrayLike,
        *,
        accepted: Sequence[Iterable[str]],
        rejected: Sequence[Iterable[str]] | None = None,
        rows: ArrayLike | None = None,
    ) -> TagSpace:
        """Return a space that heeds answers, without learning the map anew: in milliseconds.

        Parameters
        ----------
        embeddings : array-like (n, dim)
            Of the photos that were answered for.
        accepted, rejected : sequence of iterables of str
            For each photo the tags that were accepted, beside those it carries already, and those that were rejected.
            New names become new tags.
        rows : array-like of int (n,), optional
            Which photos of the fit these are, all different; by default they are new, and get the next rows.

        Raises
        ------
        InvalidArgumentError
        """
        x = as_vectors(embeddings, "embeddings", dim=self.dim)
        refused = [()] * len(x) if rejected is None else rejected
        for name, given in (("accepted", accepted), ("rejected", refused)):
            if len(given) != len(x):
                raise InvalidArgumentError(f"`{name}` has {len(given)} entries, but there are {len(x)} photos.")
        n = self.n_photos
        at = np.arange(n, n + len(x)) if rows is None else _rows(rows, len(x), n)
        if len(np.unique(at)) < len(at):
            raise InvalidArgumentError("`rows` holds a photo twice; give all that was said of it at once.")
        yes = TagTable.of(accepted, self.names)
        no = TagTable.of(refused, yes.names)
        names = no.names
        yes, size = yes.renamed(names), n + (len(x) if rows is None else 0)
        carried = _joined(self.carried.renamed(names), yes, at, size)
        before, after = self.rejected.renamed(names), _joined(self.rejected.renamed(names), no, at, size)
        after = _less(after, carried)
        old, new = (_grown(table, names, size).rows(at) for table in (self.carried, carried))
        old_no, new_no = (_grown(table, names, size).rows(at) for table in (before, after))
        with one_blas_thread():
            places = normalised(self.map.places(self.map.compared(x)))
        sums, refused_sums = (_more_tags(each, len(names)) for each in (self.sums, self.rejected_sums))
        for out, was, now in ((sums, old, new), (refused_sums, old_no, new_no)):
            add_tag_sums(out, places, now)
            add_tag_sums(out, places, was, -1.0)
        return replace(self, carried=carried, rejected=after, sums=sums, rejected_sums=refused_sums)

    # ------------------------------------------------------------------ facts

    @property
    def names(self) -> tuple[str, ...]:
        """Names of the tags, in the order of their numbers."""
        return self.carried.names

    @property
    def n_photos(self) -> int:
        """Photos it was made of, with tags or without."""
        return len(self.carried)

    @property
    def dim(self) -> int:
        """Dimension of embeddings."""
        return int(self.map.axes.shape[0])

    @property
    def n_dims(self) -> int:
        """Dimension of the joint space."""
        return int(self.map.axes.shape[1])

    def number(self, tag: str | int) -> int:
        """Return a tag's number.

        Raises
        ------
        InvalidArgumentError
            No such tag.
        """
        if isinstance(tag, str):
            if tag not in self.names:
                raise InvalidArgumentError(f"`tag` is {tag!r}, which no photo of this space carries.")
            return self.names.index(tag)
        if not 0 <= tag < len(self.names):
            raise InvalidArgumentError(f"`tag` is {tag}, but tags are numbered from 0 to {len(self.names) - 1}.")
        return int(tag)

    # ------------------------------------------------------------------ places

    def photos(self, embeddings: ArrayLike) -> NDArray[np.float32]:
        """Place photos in the joint space.

        Parameters
        ----------
        embeddings : array-like (n, dim)
            As the encoder gives them.

        Returns
        -------
        float32 (n, d)
            Of unit length.
        """
        x = as_vectors(embeddings, "embeddings", dim=self.dim)
        with one_blas_thread():
            return normalised(self.map.places(self.map.compared(x)))

    # ------------------------------------------------------------------ asking

    def probabilities(self, tag: str | int, cosines: NDArray[np.float32]) -> NDArray[np.float32]:
        """Return the probability that photos would carry a tag, float32 (n,), by their cosines with its place alone."""
        number = self.number(tag)
        b, b_similarity, _, b_frequency, *_ = self.calibration.alone
        count = self._counts[number]
        odds = b + b_similarity * cosines * (count / (count + _SHRUNK))
        odds = odds + b_frequency * log_odds(self.frequencies[number : number + 1])
        probabilities: NDArray[np.float32] = (1 / (1 + np.exp(-np.clip(odds, -50, 50)))).astype(np.float32)
        return probabilities

    def similar_tags(self, tag: str | int, k: int = 10) -> list[tuple[str, float]]:
        """Return the tags nearest to a tag with their cosines, nearest first; itself is left out.

        Raises
        ------
        InvalidArgumentError
        """
        number, k = self.number(tag), check_count(k, "k")
        vectors = self.tags
        cosines = vectors @ vectors[number]
        order = [i for i in np.argsort(-cosines, kind="stable").tolist() if i != number and vectors[i].any()]
        return [(self.names[i], float(cosines[i])) for i in order[:k]]

    def suggest(
        self,
        embeddings: ArrayLike,
        k: int = 10,
        *,
        neighbours: Neighbours | None = None,
        rows: ArrayLike | None = None,
    ) -> TagSuggestions:
        """Suggest tags for photos.

        Parameters
        ----------
        embeddings : array-like (n, dim)
            As the encoder gives them.
        k : int
            Tags for each.
        neighbours : Neighbours, optional
            The nearest tagged photos of each, itself left out, which vote; 30 are enough. Without them the nearness of
            tags alone decides.
        rows : array-like of int (n,), optional
            Which photos of the fit these are: what they carry, and what was rejected for them, is not suggested.

        Raises
        ------
        InvalidArgumentError
        """
        x = as_vectors(embeddings, "embeddings", dim=self.dim)
        k = min(check_count(k, "k"), max(len(self.names), 1))
        at = None if rows is None else _rows(rows, len(x), self.n_photos)
        if neighbours is not None and len(neighbours.rows) != len(x):
            raise InvalidArgumentError(
                f"`neighbours` are of {len(neighbours.rows)} photos, but `embeddings` of {len(x)}."
            )
        numbers, scores = np.full((len(x), k), -1, np.int32), np.zeros((len(x), k), np.float32)
        if not self.names:
            return TagSuggestions(self.names, numbers, scores)
        vectors, frequencies = self.tags, self.frequencies
        step = max(1, 1_000_000 // len(self.names))
        for start in range(0, len(x), step):
            part = slice(start, start + step)
            near = None if neighbours is None else Neighbours(neighbours.rows[part], neighbours.cosines[part])
            weights = self.calibration.alone
            if near is not None and neighbours is not None:
                weights = self.calibration.joint if neighbours.joint else self.calibration.compared
            with one_blas_thread():
                odds = self._log_odds(x[part], near, vectors, frequencies, weights[:4])
            odds[:, self._counts == 0] = -np.inf
            if at is not None:
                for table in (self.carried, self.rejected):
                    where, counts = table.entries(at[part])
                    odds[np.repeat(np.arange(len(odds)), counts), table.tags[where]] = -np.inf
            best = np.argsort(-odds, axis=1, kind="stable")[:, :k]
            here = np.take_along_axis(odds, best, axis=1)
            numbers[part] = np.where(np.isfinite(here), best, -1)
            a, a_odds, a_place = weights[4:]
            here = a + a_odds * here + a_place * np.log(np.arange(1, k + 1))
            scores[part] = np.where(np.isfinite(here), 1 / (1 + np.exp(-np.clip(here, -50, 50))), 0)
        return TagSuggestions(self.names, numbers, scores)

    def _log_odds(
        self,
        x: NDArray[np.float32],
        near: Neighbours | None,
        vectors: NDArray[np.float32],
        frequencies: NDArray[np.float64],
        weights: NDArray[np.float64],
    ) -> NDArray[np.float64]:
        b, b_similarity, b_votes, b_frequency = weights
        similarity = _similarity(self.photos(x), vectors, self._counts)
        odds: NDArray[np.float64] = b + b_similarity * similarity + b_frequency * log_odds(frequencies)
        if near is not None:
            odds += b_votes * voted(near, self.carried, frequencies)
        return odds


class _Fit:
    """One fit: its passes over the embeddings, and what they gather."""

    def __init__(
        self, embeddings: Rows, carried: TagTable, rejected: TagTable, mean: NDArray[np.float32], n_dims: int, seed: int
    ) -> None:
        self.embeddings, self.carried, self.rejected, self.mean = embeddings, carried, rejected, mean
        self.n_dims, self.seed = n_dims, seed
        generator = np.random.default_rng(seed)
        n = len(carried)
        self.tagged = carried.per_photo() > 0
        tagged = np.flatnonzero(self.tagged)
        most = min(len(tagged), max(_MOST_PAIRS // max(carried.n_tags, 1), 100))
        n_folds = 10 if n <= _MANY_FOLDS else 5
        if len(tagged) > _FOLDED:
            n_folds, most = 1, min(most, _MOST_HELD, len(tagged) // 5)
        self.n_folds = n_folds if most >= 10 else 0
        self.fold = np.full(n, -1, np.int8)
        held = generator.permutation(tagged)[:most]
        if self.n_folds:
            self.fold[held] = np.arange(len(held)) % self.n_folds
        self.scattered = np.ones(n, np.bool_)
        if n > _MOST_SCATTERED:  # three quarters with tags, where there are so many
            with_tags = np.concatenate([held, generator.permutation(tagged[self.fold[tagged] < 0])])
            plain = generator.permutation(np.flatnonzero(~self.tagged))
            with_tags = with_tags[: max(_MOST_SCATTERED * 3 // 4, _MOST_SCATTERED - len(plain))]
            self.scattered[:] = False
            self.scattered[with_tags] = True
            self.scattered[plain[: _MOST_SCATTERED - len(with_tags)]] = True

    def space(self) -> TagSpace:
        weights = tag_weights(self.carried.per_tag())
        n, dim = self.embeddings.shape
        basis = row_basis(np.concatenate([x for _, x in self._blocks()])) if 0 < n < dim else None
        spread = TagSpread(dim, weights, basis)
        folds = [TagSpread(dim, weights, basis) for _ in range(self.n_folds)]
        held: list[NDArray[np.float32]] = []
        for rows, x in self._blocks():
            kept = self.scattered[rows]
            for number in np.unique(self.fold[rows][kept]).tolist():
                which = np.flatnonzero(kept & (self.fold[rows] == number))
                (spread if number < 0 else folds[number]).add(x[which], self.carried.rows(rows[which]))
            held.append(x[self.fold[rows] >= 0])
        for fold in folds:
            spread.absorb(fold)
        calibration = self._calibration(spread, folds, np.concatenate(held)) if folds else Calibration.given()
        map_ = spread.map(self.mean, self.n_dims, self.seed)
        sums, rejected_sums = self._sums(map_, np.ones(len(self.fold), np.bool_))
        return TagSpace(map_, self.carried, self.rejected, sums, rejected_sums, calibration)

    def _blocks(self) -> Iterator[tuple[NDArray[np.int64], NDArray[np.float32]]]:
        return compared_blocks(self.embeddings, self.mean)

    def _sums(self, map_: TagMap, used: NDArray[np.bool_]) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
        """Sum the places of the photos in use, by tags they carry and by tags rejected."""
        sums = np.zeros((2, self.carried.n_tags, map_.axes.shape[1]), np.float32)
        known = used & (self.tagged | (self.rejected.per_photo() > 0))
        for rows, x in self._blocks():
            which = np.flatnonzero(known[rows])
            if len(which):
                places = normalised(map_.places(x[which]))
                for out, table in zip(sums, (self.carried, self.rejected), strict=True):
                    add_tag_sums(out, places, table.rows(rows[which]))
        return sums[0], sums[1]

    def _calibration(self, spread: TagSpread, folds: list[TagSpread], held: NDArray[np.float32]) -> Calibration:
        """Fit scores on photos whose tags the map and the tags' places have not seen."""
        rows = np.flatnonzero(self.fold >= 0)
        parts: list[list[NDArray[np.float64]]] = []
        for number, fold in enumerate(folds):
            map_ = spread.without(fold).map(self.mean, self.n_dims, self.seed)
            x, mine = held[self.fold[rows] == number], rows[self.fold[rows] == number]
            used = self.tagged & (self.fold != number)
            carried = _only(self.carried, used)
            rejected = _only(self.rejected, self.fold != number)
            sums, rejected_sums = self._sums(map_, self.fold != number)
            vectors = _tag_vectors(sums, carried, rejected_sums, rejected)
            places = normalised(map_.places(x))
            joint, compared = NearestRows(len(x), joint=True), NearestRows(len(x), joint=False)
            for block_rows, block in self._blocks():
                which = np.flatnonzero(used[block_rows])
                joint.see(block_rows[which], places @ normalised(map_.places(block[which])).T)
                compared.see(block_rows[which], x @ block[which].T)
            counts = carried.per_tag()
            frequencies = (counts + 0.5) / (int(used.sum()) + 1)
            odds = np.broadcast_to(log_odds(frequencies), (len(x), len(frequencies)))
            seen = counts > 0  # of a tag that no photo left carries, nothing can be known
            features = (
                _similarity(places, vectors, counts),
                voted(joint.neighbours(), carried, frequencies),
                voted(compared.neighbours(), carried, frequencies),
                odds,
                self.carried.indicators(mine),
                np.broadcast_to(mine[:, None], odds.shape),
            )
            parts.append([each[:, seen].ravel().astype(np.float64) for each in features])
        near, by_place, by_embedding, frequency, truth, photos = (
            np.concatenate([each[i] for each in parts]) for i in range(6)
        )
        return Calibration.fitted(near, by_place, by_embedding, frequency, truth, photos.astype(np.int64))


def _tag_vectors(
    sums: NDArray[np.float32], carried: TagTable, rejected_sums: NDArray[np.float32], rejected: TagTable
) -> NDArray[np.float32]:
    n_yes, n_no = carried.per_tag(), rejected.per_tag()
    mean = sums / np.maximum(n_yes, 1)[:, None]
    against = rejected_sums / np.maximum(n_yes + n_no, 1)[:, None]  # their mean, times their share of the answers
    vectors = (mean - _AGAINST * against).astype(np.float32)
    vectors[n_yes == 0] = 0
    return normalised(vectors)


def _similarity(
    places: NDArray[np.float32], vectors: NDArray[np.float32], counts: NDArray[np.int64]
) -> NDArray[np.float32]:
    shrunk: NDArray[np.float32] = (places @ vectors.T) * (counts / (counts + _SHRUNK)).astype(np.float32)
    return shrunk


def _answers(tags: Tags, rejected: Tags | None, n: int) -> tuple[TagTable, TagTable]:
    carried = tags if isinstance(tags, TagTable) else TagTable.of(tags)
    if rejected is None:
        refused = TagTable(carried.names, np.zeros(len(carried) + 1, np.int64), np.zeros(0, np.int32))
    else:
        refused = rejected if isinstance(rejected, TagTable) else TagTable.of(rejected)
    for name, table in (("tags", carried), ("rejected", refused)):
        if len(table) != n:
            raise InvalidArgumentError(f"`{name}` are of {len(table)} photos, but `embeddings` of {n}.")
    extra = [name for name in refused.names if name not in set(carried.names)]
    names = carried.names + tuple(extra)
    return carried.renamed(names), _less(refused.renamed(names), carried.renamed(names))


def _rows(rows: ArrayLike, n: int, n_photos: int) -> NDArray[np.int64]:
    at = np.asarray(rows)
    if at.shape != (n,) or at.dtype.kind not in "iu":
        raise InvalidArgumentError(
            f"`rows` has shape {at.shape} and dtype {at.dtype}, but {n} whole numbers are needed."
        )
    if n and (int(at.min()) < 0 or int(at.max()) >= n_photos):
        raise InvalidArgumentError(f"`rows` must be from 0 to {n_photos - 1}, the photos of the fit.")
    return at.astype(np.int64)


def _grown(table: TagTable, names: tuple[str, ...], n: int) -> TagTable:
    more = np.full(n - len(table), table.offsets[-1], np.int64)
    return TagTable(names, np.concatenate([table.offsets, more]), table.tags)


def _joined(table: TagTable, other: TagTable, at: NDArray[np.int64], n: int) -> TagTable:
    photos = np.concatenate([table.photos(), at[other.photos()]])
    tags = np.concatenate([table.tags, other.tags]).astype(np.int64)
    return TagTable.from_pairs(other.names, n, photos, tags)


def _less(table: TagTable, other: TagTable) -> TagTable:
    """Return a table without what another table holds too."""
    n_tags = max(table.n_tags, 1)
    mine = table.photos() * n_tags + table.tags
    kept = ~np.isin(mine, other.photos() * n_tags + other.tags)
    return TagTable.from_pairs(table.names, len(table), table.photos()[kept], table.tags[kept].astype(np.int64))


def _only(table: TagTable, used: NDArray[np.bool_]) -> TagTable:
    """Return a table in which other photos carry nothing."""
    photos = table.photos()
    kept = used[photos]
    return TagTable.from_pairs(table.names, len(table), photos[kept], table.tags[kept].astype(np.int64))


def _more_tags(sums: NDArray[np.float32], n_tags: int) -> NDArray[np.float32]:
    return np.vstack([sums, np.zeros((n_tags - len(sums), sums.shape[1]), np.float32)])
