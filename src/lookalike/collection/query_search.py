"""One query, one plan, one ranked list.

The plan: filters become the ids that may be found; the parts that are told from columns in memory (words, colours,
styles, and dials of colour and composition) are scored for all of these; the photos and vectors of the query become one
vector, whose nearest the index gives. The best of either are the candidates; where parts are only subtracted, all
photos are. Of each of them every part is known exactly, and they are ranked by all parts together (ranking.py). Cost:
at 100,000 photos some ten milliseconds for a part that is scored for all, five for the index
(docs/benchmarks/understanding.md), 60 to 110 where photos are only subtracted.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from functools import lru_cache
from typing import TYPE_CHECKING, TypeAlias

import numpy as np
from numpy.typing import NDArray

from lookalike.appearance import STYLES, palette_scores
from lookalike.catalog import Catalog, Within
from lookalike.collection.background import Background
from lookalike.collection.columns import Columns, ColumnsView
from lookalike.collection.hits import SearchEvidence
from lookalike.collection.joint_space import JointSpace
from lookalike.collection.likeness import Likeness
from lookalike.collection.query_plan import QueryPlan, asked_colours, needs_columns, style_measure, within_of
from lookalike.collection.ranking import (
    COLOURS,
    DOUBT_OF_LOOKS,
    DOUBT_OF_WORDS,
    SUBTRACTED,
    Logistic,
    Part,
    fused,
    n_beyond_chance,
    representatives,
    standing_out,
    told_apart,
)
from lookalike.collection.seen import MEASURES
from lookalike.collection.vectors import VectorView
from lookalike.errors import InvalidArgumentError, UnknownFilterError
from lookalike.kernels.threads import one_blas_thread
from lookalike.query import MEASURES as BOUNDS
from lookalike.query import Colour, MachineTagPattern, Query, Style, Tag, Words, normalised

if TYPE_CHECKING:
    from lookalike.collection.taught import TaughtFilters
    from lookalike.collection.word_space import WordSpace
    from lookalike.index.live.snapshot import Snapshot

__all__ = ["QuerySearch", "Ranked"]

_N_LIMITS = 8
"""Limits whose photos are remembered until the catalog changes: 8 bytes for each photo of each."""
N_CANDIDATES = 1000
"""Candidates of the index, and as many of the parts that are scored for all, of a query of several parts."""
NEARLY_THE_SAME = 0.95
"""Cosine from which on a hit counts as another version of an earlier one."""
_LEAST_OF_WORDS = 0.1
"""Score below which a photo is no hit of words alone: nobody wrote them, and they are hardly seen in it."""
_LEAST_OF_THE_BEST = 0.2
"""Score that the best hit of words alone must have, or there is none: letters without sense score about so much."""
_LEAST_BESIDE_TEXTS = 0.3
"""The same where the words do stand in the texts of other photos: they may be a name, of which nothing can be seen."""
_LEAST_OF_JOINT = 1e-20
"""Score of a hit of words alone in a joint space, which says something of every photo if it knows a word."""
_TIES = 31
"""Equally near photos that may lie on the edge of the candidates."""
_TOP = 3
"""Best matches that stay above in any other order."""
_LOOKED_THROUGH = 256
"""Hits looked through for other versions, at the least."""
_DEEPER = 4
"""How many times as many are looked through where so many were not enough."""
_LEXICAL = 0.95
"""Probability that a photo in whose text all words stand is meant, at the least; at the most .99."""


Likely: TypeAlias = tuple[NDArray[np.int64], NDArray[np.float32]]
"""Ids of photos, and a probability for each."""


@dataclass(frozen=True, slots=True)
class Ranked:
    """A ranked list, before paths are known.

    Attributes
    ----------
    hits : list of (photo_id, score, parts)
    others : dict of int to list of int
        Hits that were left out as other versions of one that is there.
    n_good : int or None
        How many of the best are worth looking at, counted from the first hit of all.
    has_more : bool
    evidence : SearchEvidence
    """

    hits: list[tuple[int, float, dict[str, float]]]
    others: dict[int, list[int]]
    n_good: int | None
    has_more: bool
    evidence: SearchEvidence


@dataclass(frozen=True, slots=True, eq=False)
class _Best:
    """The best photos for a query, best first by `order`; `is_whole`: no other would be a hit."""

    ids: NDArray[np.int64]
    parts: list[Part]
    scores: NDArray[np.float32]
    order: NDArray[np.int64]
    is_whole: bool
    evidence: SearchEvidence

    def hit(self, row: int) -> tuple[int, float, dict[str, float]]:
        """Give id, score, and the score of every part."""
        return (
            int(self.ids[row]),
            float(self.scores[row]),
            {part.name: float(part.scores[row]) for part in self.parts},
        )


class QuerySearch:
    """Answers queries about one collection.

    Parameters
    ----------
    catalog : Catalog
    vectors : VectorView
    columns : ColumnsView
    words : callable
        Gives the `JointSpace` or `WordSpace`, loaded when first asked for; None where words are looked for in texts
        only.
    calibration : Logistic or None
        From cosines to probabilities, for the encoder of the collection; None where the photos' own spread tells it.
    taught : TaughtFilters
        What people taught: found like styles.
    tagged : callable
        Gives the photos that may deserve the tag that a text names, and how likely; None where it names none.
    """

    def __init__(
        self,
        catalog: Catalog,
        vectors: VectorView,
        columns: ColumnsView,
        words: Callable[[], JointSpace | WordSpace | None],
        calibration: Logistic | None,
        taught: TaughtFilters,
        tagged: Callable[[str], Likely | None],
    ) -> None:
        self._catalog = catalog
        self._vectors = vectors
        self._columns = columns
        self._words = words
        self._calibration = calibration
        self._taught = taught
        self._tagged = tagged
        self._background = Background(vectors)
        # Those who look around ask again and again within the same limits.
        self._ids_within = lru_cache(_N_LIMITS)(self._read_ids_within)

    def search(
        self,
        query: Query,
        likenesses: Sequence[Likeness],
        *,
        k: int,
        offset: int = 0,
        exact: bool = False,
        within: Within | None = None,
        distinct: bool = False,
    ) -> Ranked:
        """Rank the photos for a query whose photos and vectors are resolved.

        Parameters
        ----------
        query : Query
            Its terms that are photos or vectors are not looked at.
        likenesses : sequence of Likeness
            In their place.
        k, offset : int
        exact : bool
            Compare with every photo instead of asking the index.
        within : Within, optional
            Limits beside those of the query.
        distinct : bool
            Leave out hits that are nearly the same as an earlier one.
        """
        started = time.perf_counter()
        with one_blas_thread():  # more of them spin for longer than these products take
            state = self._vectors.state()
            plan = self._plan(query, likenesses, within, state)
            wanted = offset + k + 1
            judged = plan.wants and (query.cut or query.order != "relevance")
            # What is told of a list as a whole must not depend on the page that is asked for.
            depth = N_CANDIDATES if judged or distinct else wanted
            if query.order != "relevance" and not judged:
                depth = max(state.n_vectors, 1)
            while True:
                best = self._best(plan, state, depth, exact=exact)
                order, is_whole, n_good = best.order, best.is_whole, None
                if judged:
                    n_good = self._n_good(plan, state, best.scores[order])
                    is_whole = is_whole or n_good < len(order)
                    order = order[: max(n_good, 0 if query.cut else _TOP)]
                order = self._ordered(query, best.ids, order, top=_TOP if judged else 0)
                others: dict[int, list[int]] = {}
                if distinct:
                    order, others = self._distinct(state, best.ids, order, wanted)
                if is_whole or (not judged and (not distinct or len(order) >= wanted)):
                    break
                depth *= _DEEPER
            hits = [best.hit(row) for row in order[offset : offset + k]]
            evidence = replace(best.evidence, seconds=time.perf_counter() - started, words=plan.words)
            return Ranked(hits, others, n_good, len(order) > offset + k, evidence)

    def _best(self, plan: QueryPlan, state: Snapshot, depth: int, *, exact: bool) -> _Best:
        """Score at least the `depth` best by every part."""
        ids, evidence = self._candidates(plan, state, depth, exact=exact)
        ids = ids[~np.isin(ids, [like.photo_id for like in plan.likenesses if like.photo_id is not None])]
        cosines = self._cosines(plan, state, ids)
        parts = told_apart(self._parts(plan, state, ids, cosines))
        scores = fused(parts, len(ids))
        # Very near photos have scores that are equal to the last bit, and so have those unlike what is subtracted.
        nearness = np.sign(plan.likenesses[0].weight) * cosines[0] if cosines else scores
        order, is_whole = np.lexsort((ids, -nearness, -scores)), depth >= evidence.n_photos
        if plan.by_words:
            good = scores[order] >= _least_of_words(plan, scores)
            order, is_whole = order[good], is_whole or not good.all()
        return _Best(ids, parts, scores, order, is_whole, evidence)

    # -- the plan ---------------------------------------------------------------------------------------------

    def _plan(self, query: Query, likenesses: Sequence[Likeness], within: Within | None, state: Snapshot) -> QueryPlan:
        columns = self._columns.current() if needs_columns(query) else None
        admitted = self._admitted(query, columns, state)
        if within is not None:
            admitted = _both(admitted, self._ids_within(self._catalog.generation, within))
        if admitted is not None:  # photos whose files have gone are within limits too
            admitted = _both(state.ids(), admitted)
        content = next((dial.value for dial in query.dials if dial.name == "content"), 1.0)
        plan = QueryPlan(list(likenesses), admitted, np.empty(0, np.int64), [], ranks=bool(likenesses), content=content)
        if columns is not None or not any(like.weight > 0 for like in likenesses):
            plan.ids = state.ids() if admitted is None else admitted
        if columns is not None:
            rows = columns.rows_of(plan.ids)
            plan.parts = [
                Part(name, weight, _of_rows(scores, rows), DOUBT_OF_LOOKS)
                for name, weight, scores in self._columns_say(query, plan, columns)
            ]
        for term in query.terms:
            if isinstance(term, Style) and style_measure(term.name) is None:
                plan.parts.append(Part(f"style:{term.name}", term.weight, self._taught_scores(term.name, plan.ids)))
        self._add_words(query, plan, columns, state)
        plan.ranks = plan.ranks or bool(plan.parts)
        plan.by_words = bool(query.terms) and not likenesses and all(isinstance(term, Words) for term in query.terms)
        return plan

    def _admitted(self, query: Query, columns: Columns | None, state: Snapshot) -> NDArray[np.int64] | None:
        """Ids that the filters, limits and tags of a query leave, ascending; None: all."""
        admitted = None
        if (within := within_of(query, self._catalog)) is not None:
            admitted = self._ids_within(self._catalog.generation, within)
        if query.limits:
            assert columns is not None
            kept = np.ones(len(columns), np.bool_)
            for limit in query.limits:
                values = columns.measure(limit.measure)
                kept &= (values >= (limit.at_least if limit.at_least is not None else -np.inf)) & (
                    values <= (limit.at_most if limit.at_most is not None else np.inf)
                )
            admitted = _both(admitted, columns.ids[kept])
        for term in query.terms:
            if isinstance(term, Tag):
                having = self.having(term.tag)
                if term.weight > 0:
                    admitted = _both(admitted, having)
                else:
                    every = state.ids() if admitted is None else admitted
                    admitted = every[~_are_among(every, having)]
        return admitted

    def _read_ids_within(self, generation: int, within: Within) -> NDArray[np.int64]:
        ids = self._catalog.ids_within(within, present=False)
        ids.flags.writeable = False
        return ids

    def having(self, tag: str | MachineTagPattern) -> NDArray[np.int64]:
        """Ids of the photos that have a tag, ascending."""
        if isinstance(tag, str):
            return self._catalog.tags.photos(normalised(tag))
        form = tag.normalised
        return self._catalog.machine_tags.photos(namespace=form.namespace, predicate=form.predicate, value=form.value)

    def _columns_say(
        self, query: Query, plan: QueryPlan, columns: Columns
    ) -> Iterator[tuple[str, float, NDArray[np.float32]]]:
        """Name, weight and scores float32 (n,) of the parts that the columns alone tell."""
        colours = [term for term in query.terms if isinstance(term, Colour)]
        wanted = [term for term in colours if term.weight > 0]
        if wanted:
            weight = sum(term.weight for term in wanted) / len(wanted)
            yield "colour", weight, COLOURS(palette_scores(columns.palettes, asked_colours(wanted)))
        for colour in colours:
            if colour.weight < 0:
                scores = palette_scores(columns.palettes, asked_colours([colour]))
                yield f"-colour:{colour.colour}", colour.weight, COLOURS(scores)
        for term in query.terms:
            if isinstance(term, Style) and (measure := style_measure(term.name)) is not None:
                yield f"style:{term.name}", term.weight, np.nan_to_num(columns.measure(measure))
        dials = {dial.name: dial.value for dial in query.dials}
        for like in plan.likenesses:
            if like.weight > 0 and dials.get("colour") and like.palette is not None:
                scores = palette_scores(columns.palettes, like.palette[like.palette[:, 3] > 0])
                yield f"colours of {like.name}", like.weight * dials["colour"], standing_out(scores)
            if like.weight > 0 and dials.get("composition") and like.composition is not None:
                scores = (columns.compositions @ (like.composition / np.float32(127 * 127))).astype(np.float32)
                yield f"composition of {like.name}", like.weight * dials["composition"], standing_out(scores)

    def scores_of(self, name: str) -> tuple[NDArray[np.int64], NDArray[np.float32]]:
        """Score all photos that can be found by a measure, a style or a taught filter.

        Parameters
        ----------
        name : str
            Such as "nsfw", "sharpness", "minimalist" or what was taught.

        Returns
        -------
        ids : int64 (n,)
            Ascending.
        scores : float32 (n,)
            NaN where it was not measured.

        Raises
        ------
        InvalidArgumentError
            There is nothing of that name.
        """
        if not isinstance(name, str):
            raise InvalidArgumentError(f"`name` is {name!r:.80}; expected a measure, a style or a taught filter.")
        ids = self._vectors.state().ids()
        measure = name if name in MEASURES else style_measure(name)
        if measure is None:
            return ids, self._taught_scores(name, ids, besides=f", and measures: {', '.join(BOUNDS)}")
        columns = self._columns.current()
        rows = columns.rows_of(ids)
        values = columns.measure(measure) if len(columns) else np.zeros(1, np.float32)
        return ids, np.where(rows >= 0, values[rows], np.float32(np.nan))

    def _taught_scores(self, name: str, ids: NDArray[np.int64], *, besides: str = "") -> NDArray[np.float32]:
        try:
            return self._taught.scores(name, ids)
        except UnknownFilterError:
            names = ", ".join([style.name for style in STYLES.values()] + [probe.name for probe in self._taught.all()])
            raise InvalidArgumentError(f"There is no style {name!r}; there are {names}{besides}.") from None

    def _add_words(self, query: Query, plan: QueryPlan, columns: Columns | None, state: Snapshot) -> None:
        """Score the words of each weight together: what stands in texts, what is seen, and what a tag has taught."""
        groups: dict[float, list[Words]] = {}
        for term in query.terms:
            if isinstance(term, Words):
                groups.setdefault(term.weight, []).append(term)
        space = self._words() if groups else None
        if groups:
            plan.words = "texts" if space is None else "joint" if isinstance(space, JointSpace) else "classes"
        for weight, terms in groups.items():
            typed = " ".join(_typed(term) for term in terms)
            found = self._catalog.search_words(typed, -1, present=False)
            scores, text = _zeros(plan.ids), " ".join(term.text for term in terms)
            if isinstance(space, JointSpace):
                scores = space.scores(text, state, plan.ids, self._background)
            elif space is not None and columns is not None:
                scores = _of_rows(space.scores(text, columns), columns.rows_of(plan.ids))
            if (likely := self._tagged(text)) is not None:
                plan.taught = True
                _add_evidence(scores, plan.ids, *likely)
            if not found:  # such as a sign, of which full text knows nothing
                found = [(photo_id, 1.0) for photo_id in self._catalog.tags.photos(normalised(text)).tolist()]
            if found:
                ids = np.array([photo_id for photo_id, _ in found], np.int64)
                relevance = np.array([relevance for _, relevance in found], np.float32)
                lexical = _LEXICAL + (0.99 - _LEXICAL) * relevance / max(float(relevance.max()), 1e-9)
                _add_evidence(scores, plan.ids, ids, lexical)
            name = "words" if len(groups) == 1 and weight > 0 else f"{'-' * (weight < 0)}words:{typed}"
            plan.parts.append(Part(name, weight, scores, DOUBT_OF_WORDS))
            if space is None and weight > 0:  # nothing but texts and tags tells: all else is no hit
                plan.keep(scores >= _LEAST_OF_WORDS)

    # -- candidates -------------------------------------------------------------------------------------------

    def _candidates(
        self, plan: QueryPlan, state: Snapshot, wanted: int, *, exact: bool
    ) -> tuple[NDArray[np.int64], SearchEvidence]:
        """Ids int64 (n,) of photos worth scoring by every part."""
        alone = not plan.parts and len(plan.likenesses) == 1
        # By powers of two: so far pages have the same candidates, and join though many be equally near.
        n = 1 << (wanted + len(plan.likenesses) + _TIES).bit_length() if alone else max(N_CANDIDATES, wanted)
        n_photos = state.n_vectors if plan.admitted is None else len(plan.admitted)
        evidence = SearchEvidence("words" if plan.by_words else "exact", n_photos, 0, 0, 0, 0.0)
        found = []
        direction = plan.direction(state)
        if direction is not None:
            bitmap = None
            if plan.admitted is not None:
                bitmap = np.zeros(int(plan.admitted.max(initial=0)) + 1, np.bool_)
                bitmap[plan.admitted] = True
            hits = state.search(direction, max(1, min(n, n_photos)), filter=bitmap, exact=exact)
            ids = hits.ids[0]
            found.append(ids[ids >= 0])
            method = "lopq" if state.segments and not exact else "exact"
            stats = hits.stats
            evidence = SearchEvidence(method, n_photos, stats.n_cells, stats.n_codes, stats.n_reranked, 0.0)
        if plan.parts or direction is None:
            scores = fused(plan.parts, len(plan.ids))
            if not plan.wants:  # all else is nearly equally good: all are ranked
                n = len(plan.ids)
            if n < len(scores):
                best = np.argpartition(-scores, n)[:n]
                found.append(plan.ids[np.sort(best)])
            else:
                found.append(plan.ids)
        return np.unique(np.concatenate(found)), evidence

    def _parts(
        self, plan: QueryPlan, state: Snapshot, ids: NDArray[np.int64], cosines: Sequence[NDArray[np.float32]]
    ) -> list[Part]:
        """Score photos by every part."""
        parts = self._likeness_parts(plan, state, cosines)
        if plan.parts:
            places = np.searchsorted(plan.ids, ids)
            parts += [replace(part, scores=part.scores[places]) for part in plan.parts]
        return parts

    def _likeness_parts(self, plan: QueryPlan, state: Snapshot, cosines: Sequence[NDArray[np.float32]]) -> list[Part]:
        if not plan.likenesses:
            return []
        calibration = self._calibration or self._background.calibration(state)
        weights = [plan.content * like.weight * (1.0 if like.weight > 0 else SUBTRACTED) for like in plan.likenesses]
        return [
            Part(like.name, weight, calibration(each))
            for like, weight, each in zip(plan.likenesses, weights, cosines, strict=True)
        ]

    def _cosines(self, plan: QueryPlan, state: Snapshot, ids: NDArray[np.int64]) -> list[NDArray[np.float32]]:
        if not plan.likenesses or not len(ids):
            return [np.empty(len(ids), np.float32) for _ in plan.likenesses]
        queries = state.space.compared(np.stack([like.embedding for like in plan.likenesses]))
        # By rows: a matrix product rounds otherwise for other numbers of candidates, and pages must join to the bit.
        return [np.nan_to_num(np.clip(state.products(query, ids), -1, 1), nan=-1.0) for query in queries]

    # -- the list ---------------------------------------------------------------------------------------------

    def _n_good(self, plan: QueryPlan, state: Snapshot, scores: NDArray[np.float32]) -> int:
        ids, embeddings = self._background.sample(state)
        if plan.admitted is not None:
            kept = np.isin(ids, plan.admitted)
            ids, embeddings = ids[kept], embeddings[kept]
        queries = [state.space.compared(like.embedding[None])[0] for like in plan.likenesses]
        parts = self._likeness_parts(plan, state, [embeddings @ query for query in queries])
        if plan.parts:
            places = np.minimum(np.searchsorted(plan.ids, ids), len(plan.ids) - 1)
            parts += [replace(part, scores=part.scores[places]) for part in plan.parts]
        n_photos = state.n_vectors if plan.admitted is None else len(plan.admitted)
        return n_beyond_chance(scores, fused(parts, len(ids)), n_photos)

    def _ordered(
        self, query: Query, ids: NDArray[np.int64], order: NDArray[np.int64], *, top: int
    ) -> NDArray[np.int64]:
        """Bring hits into the order asked for; the `top` best matches stay above."""
        if query.order == "relevance" or not len(order):
            return order
        rest = order[top:]
        if query.order == "time":
            times = self._catalog.times_of(ids[rest].tolist())
            keys = [times.get(photo_id) or "" for photo_id in ids[rest].tolist()]
            ranked = sorted(range(len(rest)), key=lambda i: keys[i], reverse=True)
        else:
            columns = self._columns.current()
            rows = columns.rows_of(ids[rest])
            quality = _of_rows(np.nan_to_num(columns.measure("quality")), rows)
            ranked = np.argsort(-quality, kind="stable").tolist()
        return np.concatenate([order[:top], rest[np.array(ranked, np.int64)]])

    def _distinct(
        self, state: Snapshot, ids: NDArray[np.int64], order: NDArray[np.int64], wanted: int
    ) -> tuple[NDArray[np.int64], dict[int, list[int]]]:
        """Leave out what is nearly the same as an earlier hit, until enough are left; gives what, by the hit before."""
        n = max(_LOOKED_THROUGH, 3 * wanted)
        while True:
            looked = order[:n]
            own = representatives(self._vectors.compared(state, ids[looked]), NEARLY_THE_SAME)
            first = own == np.arange(len(own))
            if len(looked) == len(order) or np.count_nonzero(first) >= wanted:
                break
            n *= _DEEPER
        others: dict[int, list[int]] = {}
        for i in np.flatnonzero(~first):
            others.setdefault(int(ids[looked[own[i]]]), []).append(int(ids[looked[i]]))
        return looked[first], others


def _typed(term: Words) -> str:
    """Write a word or phrase as full text takes it, where a quote inside would end the phrase."""
    return '"' + term.text.replace('"', " ") + '"' if term.phrase else term.text.replace('"', "")


def _least_of_words(plan: QueryPlan, scores: NDArray[np.float32]) -> float:
    """Score that a hit of words alone must have."""
    best = float(scores.max(initial=0))
    if best >= _LEXICAL and not plan.taught:
        return _LEAST_BESIDE_TEXTS
    if plan.words == "joint":  # all are ranked, as by a photo, unless no word is known: then all have 0
        return _LEAST_OF_JOINT
    return _LEAST_OF_WORDS if best >= _LEAST_OF_THE_BEST else 1.0


def _both(first: NDArray[np.int64] | None, second: NDArray[np.int64]) -> NDArray[np.int64]:
    """Ids that are in both, in the order of the first."""
    return second if first is None else first[_are_among(first, second)]


def _are_among(ids: NDArray[np.int64], others: NDArray[np.int64]) -> NDArray[np.bool_]:
    """Tell which ids are among others: bool (n,). Ids are small numbers: a table is quicker than sorting."""
    if not len(ids) or not len(others):
        return np.zeros(len(ids), np.bool_)
    table = np.zeros(max(int(ids.max()), int(others.max())) + 1, np.bool_)
    table[others] = True
    return table[ids]


def _of_rows(values: NDArray[np.float32], rows: NDArray[np.int64]) -> NDArray[np.float32]:
    """Values float32 (n,) of rows int64 (n,); 0 for those that are -1: photos that were not looked at yet."""
    if not len(values):
        return _zeros(rows)
    return np.where(rows >= 0, values[rows], np.float32(0))


def _add_evidence(
    scores: NDArray[np.float32], of: NDArray[np.int64], ids: NDArray[np.int64], probabilities: NDArray[np.float32]
) -> None:
    """Raise the scores float32 (n,) of some photos: what either says is so unless both are wrong."""
    places = np.minimum(np.searchsorted(of, ids), max(len(of) - 1, 0))
    there = of[places] == ids if len(of) else np.zeros(len(ids), np.bool_)
    here = places[there]
    scores[here] = 1 - (1 - scores[here]) * (1 - probabilities[there])


def _zeros(like: NDArray[np.int64]) -> NDArray[np.float32]:
    return np.zeros(len(like), np.float32)
