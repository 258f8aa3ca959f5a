"""Filters that people taught, and what they say of every photo.

A filter scores the embedding of a photo, which never changes: each photo is scored once and the scores are kept in
memory, 12 bytes for each photo and filter. The first search by a filter reads all embeddings from the catalog, in
blocks: about 2 s for 100,000 photos; later ones only read those of new photos.
"""

from __future__ import annotations

import contextlib
import threading
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from lookalike.appearance import STYLES
from lookalike.catalog import Catalog
from lookalike.collection.locking import changing
from lookalike.collection.probe import Probe, wrong_name
from lookalike.collection.seen import MEASURES
from lookalike.collection.vectors import VectorView
from lookalike.errors import FormatError, InvalidArgumentError, UnknownFilterError
from lookalike.query import normalised

__all__ = ["TaughtFilters", "forget_filter", "save_filter"]

_BLOCK = 4096
"""Embeddings in memory at a time: 21 MB at 1,280 dimensions."""
_ASKED_OTHERWISE = frozenset({"tags", *map(normalised, MEASURES)})
"""Names for which `Collection.scores_of`, or what measures suggested tags, would never come to a filter."""


@dataclass(frozen=True, slots=True, eq=False)
class _Scored:
    """Scores float32 (n,) of photos int64 (n,), ascending, by the filter that was read from `text`."""

    text: str
    ids: NDArray[np.int64]
    scores: NDArray[np.float32]


class TaughtFilters:
    """The taught filters of one collection.

    Parameters
    ----------
    catalog : Catalog
    vectors : VectorView
    encoder : str
        Fingerprint of the collection's encoder.
    """

    def __init__(self, catalog: Catalog, vectors: VectorView, encoder: str) -> None:
        self._catalog = catalog
        self._vectors = vectors
        self._encoder = encoder
        self._lock = threading.Lock()
        self._scored: dict[str, _Scored] = {}

    def all(self) -> list[Probe]:
        """List the filters, by name; without those that cannot be read, such as a newer version's."""
        probes = []
        for _, text, _ in self._catalog.filters.all():
            with contextlib.suppress(FormatError):
                probes.append(Probe.from_json(text))
        return probes

    def get(self, name: str) -> Probe:
        """Return the filter of a name.

        Raises
        ------
        UnknownFilterError
        FormatError
            It is damaged, or written by a newer version.
        """
        return Probe.from_json(self._text(name))

    def scores(self, name: str, ids: NDArray[np.int64]) -> NDArray[np.float32]:
        """Score photos of the collection by the filter of a name.

        Parameters
        ----------
        name : str
        ids : int64 (n,)
            Ascending.

        Returns
        -------
        float32 (n,)
            Probability that each is it.

        Raises
        ------
        UnknownFilterError
        InvalidArgumentError
            It was taught on another encoder's embeddings.
        """
        text, key = self._text(name), normalised(name)
        with self._lock:
            known = self._scored.get(key)
            if known is None or known.text != text:
                known = _Scored(text, np.empty(0, np.int64), np.empty(0, np.float32))
            missing = np.setdiff1d(ids, known.ids)
            if len(missing):
                probe = Probe.from_json(text)
                if probe.encoder != self._encoder:
                    raise InvalidArgumentError(
                        f"The filter {probe.name!r} was taught on embeddings of another encoder. Teach it again here."
                    )
                new = np.empty(len(missing), np.float32)
                for start in range(0, len(missing), _BLOCK):
                    block = missing[start : start + _BLOCK].tolist()
                    new[start : start + _BLOCK] = probe.scores(self._vectors.embeddings(block))
                every = np.concatenate([known.ids, missing])
                order = np.argsort(every)
                known = _Scored(text, every[order], np.concatenate([known.scores, new])[order])
            self._scored[key] = known
        return known.scores[np.searchsorted(known.ids, ids)]

    def _text(self, name: str) -> str:
        text = self._catalog.filters.get(normalised(name))
        if text is None:
            raise UnknownFilterError(f"No filter {name!r} was taught. `lookalike teach` lists those that were.")
        return text


def save_filter(directory: Path, probe: Probe) -> None:
    """Keep a filter under its name, in the place of an earlier one.

    Raises
    ------
    InvalidArgumentError
        The name is that of a style or a measure, or nothing but white space and punctuation, or cannot be shown.
    CollectionLockedError, CollectionError
    """
    name = normalised(probe.name)
    taken = {normalised(style.name): style.name for style in STYLES.values()}
    if name in taken:
        raise InvalidArgumentError(f"{probe.name!r} is the name of a style that Lookalike has. Choose another.")
    if name in _ASKED_OTHERWISE:
        raise InvalidArgumentError(f"{probe.name!r} is the name of what Lookalike measures itself. Choose another.")
    if not any(character.isalnum() for character in name) or not probe.name.isprintable():
        raise wrong_name(probe.name)
    with changing(directory) as catalog:
        catalog.filters.put(name, probe.to_json())


def forget_filter(directory: Path, name: str) -> bool:
    """Forget the filter of a name; tells whether there was one."""
    with changing(directory) as catalog:
        return catalog.filters.remove(normalised(name))
