"""From a query to its plan: what may be found, and the parts that columns in memory, texts and tags tell of all of it.

Filters, limits and tags become the ids that may be found; words, colours, styles, and dials of colour and composition
are scored for all of these. Cost: at 100,000 photos some ten milliseconds for a part.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from functools import lru_cache
from typing import TYPE_CHECKING, TypeAlias

import numpy as np
from numpy.typing import NDArray

from lookalike.appearance import STYLES, palette_scores
from lookalike.catalog import Catalog, Within
from lookalike.collection.background import Background
from lookalike.collection.columns import Columns, ColumnsView, at_rows
from lookalike.collection.joint_space import JointSpace
from lookalike.collection.likeness import Likeness
from lookalike.collection.query_plan import (
    LEAST_OF_WORDS,
    LEXICAL,
    QueryPlan,
    asked_colours,
    needs_columns,
    style_measure,
    within_of,
)
from lookalike.collection.ranking import COLOURS, DOUBT_OF_LOOKS, DOUBT_OF_WORDS, Part, standing_out
from lookalike.collection.seen import MEASURES
from lookalike.collection.vectors import VectorView
from lookalike.errors import InvalidArgumentError, UnknownFilterError
from lookalike.query import MEASURES as BOUNDS
from lookalike.query import Colour, MachineTagPattern, Query, Style, Tag, Words, normalised

if TYPE_CHECKING:
    from lookalike.collection.taught import TaughtFilters
    from lookalike.collection.word_space import WordSpace
    from lookalike.index.live.snapshot import Snapshot

__all__ = ["QueryPlanner"]

_N_LIMITS = 8
"""Limits whose photos are remembered until the catalog changes: 8 bytes for each photo of each."""

Likely: TypeAlias = tuple[NDArray[np.int64], NDArray[np.float32]]
"""Ids of photos, and a probability for each."""


class QueryPlanner:
    """Plans queries about one collection, and scores all its photos by one part alone.

    Parameters
    ----------
    catalog : Catalog
    vectors : VectorView
    columns : ColumnsView
    background : Background
    words : callable
        Gives the `JointSpace` or `WordSpace`, loaded when first asked for; None where words are looked for in texts
        only.
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
        background: Background,
        words: Callable[[], JointSpace | WordSpace | None],
        taught: TaughtFilters,
        tagged: Callable[[str], Likely | None],
    ) -> None:
        self._catalog = catalog
        self._vectors = vectors
        self._columns = columns
        self._background = background
        self._words = words
        self._taught = taught
        self._tagged = tagged
        # Those who look around ask again and again within the same limits.
        self._ids_within = lru_cache(_N_LIMITS)(self._read_ids_within)

    def plan(self, query: Query, likenesses: Sequence[Likeness], within: Within | None, state: Snapshot) -> QueryPlan:
        """Plan a query whose photos and vectors are resolved; its terms that are either are not looked at."""
        columns = self._columns.current() if needs_columns(query) else None
        admitted = self._admitted(query, columns, state)
        if within is not None:
            admitted = _both(admitted, self._ids_within(self._catalog.generation, within))
        if admitted is not None:  # photos whose files have gone are within limits too
            admitted = _both(state.ids(), admitted)
        content = next((dial.value for dial in query.dials if dial.name == "content"), 1.0)
        plan = QueryPlan(list(likenesses), admitted, np.empty(0, np.int64), [], content=content)
        if columns is not None or not any(like.weight > 0 for like in likenesses):
            plan.ids = state.ids() if admitted is None else admitted
        if columns is not None:
            rows = columns.rows_of(plan.ids)
            plan.parts = [
                Part(name, weight, at_rows(scores, rows), DOUBT_OF_LOOKS)
                for name, weight, scores in self._columns_say(query, plan, columns)
            ]
        for term in query.terms:
            if isinstance(term, Style) and style_measure(term.name) is None:
                plan.parts.append(Part(f"style:{term.name}", term.weight, self._taught_scores(term.name, plan.ids)))
        self._add_words(query, plan, columns, state)
        plan.by_words = bool(query.terms) and not likenesses and all(isinstance(term, Words) for term in query.terms)
        return plan

    def having(self, tag: str | MachineTagPattern) -> NDArray[np.int64]:
        """Ids of the photos that have a tag, ascending."""
        if isinstance(tag, str):
            return self._catalog.tags.photos(normalised(tag))
        form = tag.normalised
        return self._catalog.machine_tags.photos(namespace=form.namespace, predicate=form.predicate, value=form.value)

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
            found = self._catalog.search_words(typed, present=False)
            scores, text = _zeros(plan.ids), " ".join(term.text for term in terms)
            if isinstance(space, JointSpace):
                scores = space.scores(text, state, plan.ids, self._background)
            elif space is not None and columns is not None:
                scores = at_rows(space.scores(text, columns), columns.rows_of(plan.ids))
            if (likely := self._tagged(text)) is not None:
                plan.taught = True
                _add_evidence(scores, plan.ids, *likely)
            if not found:  # such as a sign, of which full text knows nothing
                found = [(photo_id, 1.0) for photo_id in self._catalog.tags.photos(normalised(text)).tolist()]
            if found:
                ids = np.array([photo_id for photo_id, _ in found], np.int64)
                relevance = np.array([relevance for _, relevance in found], np.float32)
                lexical = LEXICAL + (0.99 - LEXICAL) * relevance / max(float(relevance.max()), 1e-9)
                _add_evidence(scores, plan.ids, ids, lexical)
            name = "words" if len(groups) == 1 and weight > 0 else f"{'-' * (weight < 0)}words:{typed}"
            plan.parts.append(Part(name, weight, scores, DOUBT_OF_WORDS))
            if space is None and weight > 0:  # nothing but texts and tags tells: all else is no hit
                plan.keep(scores >= LEAST_OF_WORDS)


def _typed(term: Words) -> str:
    """Write a word or phrase as full text takes it, where a quote inside would end the phrase."""
    return '"' + term.text.replace('"', " ") + '"' if term.phrase else term.text.replace('"', "")


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
