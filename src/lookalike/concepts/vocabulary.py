"""The names of ImageNet's 1,000 classes, their synonyms, and broader terms up to "animal" or "vehicle".

Two files lie in this folder. ``classes.tsv``: line k is class k, in the order of the network's logits (that of the
ILSVRC 2012 challenge: classes sorted by their WordNet number). ``broader.tsv``: the terms above them. Both have a name,
the narrowest broader terms (separated by "; ") and synonyms. The hierarchy began as WordNet 3.0's nouns [1]_ and was
cut down to words that people search by: of "dog, canine, carnivore, placental, mammal, vertebrate, chordate, animal" it
keeps "dog, mammal, animal". Where WordNet has no such word (mountain, coast, electronics), it was added. Terms may have
several broader ones: a goblet is tableware and a container. Names are unique, so a name is also a label.

.. [1] G. A. Miller: WordNet, a lexical database for English. Communications of the ACM 38 (11), 1995.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import cache
from importlib import resources

import numpy as np
from numpy.typing import NDArray

from lookalike.errors import InvalidArgumentError

__all__ = ["Vocabulary", "imagenet"]


@dataclass(frozen=True, slots=True)
class Vocabulary:
    """Classes, and the terms above them. A term's number counts classes first, then broader terms.

    Attributes
    ----------
    names
        One per term, unique.
    synonyms
        Of each term, the best first; may be empty.
    parents
        Numbers of the narrowest broader terms of each term.
    n_classes
        Terms below this number are the network's classes.
    members
        bool (n_terms, n_classes): which classes a term stands for; for a class only itself.
    """

    names: tuple[str, ...]
    synonyms: tuple[tuple[str, ...], ...]
    parents: tuple[tuple[int, ...], ...]
    n_classes: int
    members: NDArray[np.bool_]
    _listed: NDArray[np.int64] = field(init=False, repr=False, compare=False)
    _starts: NDArray[np.int64] = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        terms, classes = np.nonzero(self.members)
        object.__setattr__(self, "_listed", classes)
        object.__setattr__(self, "_starts", np.searchsorted(terms, np.arange(len(self.names) + 1)))

    @property
    def breadths(self) -> NDArray[np.int64]:
        """How many classes each term stands for: int64 (n_terms,)."""
        return np.diff(self._starts)

    def sums(self, values: NDArray[np.float64]) -> NDArray[np.float64]:
        """Add up over the classes of each term: float64 (n, n_classes) to (n, n_terms).

        Terms stand for few classes each, so that adding these takes a hundredth of a product with `members`.
        """
        starts = np.minimum(self._starts[:-1], max(len(self._listed) - 1, 0))
        return np.where(self.breadths > 0, np.add.reduceat(values[:, self._listed], starts, axis=1), 0.0)

    def number(self, name: str) -> int:
        """Find a term by its name or, if there is none, by a synonym; capitals do not matter.

        Where several terms have the synonym, the one that stands for the most classes is meant.

        Returns
        -------
        int
            The term's number.

        Raises
        ------
        InvalidArgumentError
            If there is no such term.
        """
        wanted = name.casefold().strip()
        folded = [term.casefold() for term in self.names]
        if wanted in folded:
            return folded.index(wanted)
        having = [number for number, words in enumerate(self.synonyms) if wanted in map(str.casefold, words)]
        if not having:
            raise InvalidArgumentError(f"there is no label {name!r}. `imagenet().names` lists all that there are.")
        return max(having, key=lambda number: (int(self.members[number].sum()), -number))

    def ancestors(self, number: int) -> tuple[int, ...]:
        """Numbers of all terms above one, nearest first."""
        found: list[int] = []
        level = list(self.parents[number])
        while level:
            found += [term for term in dict.fromkeys(level) if term not in found]
            level = [parent for term in level for parent in self.parents[term]]
        return tuple(found)

    def phrases(self) -> tuple[tuple[str, ...], ...]:
        """List what each class is called, for a text encoder: its name, its synonyms, and all terms above it.

        The terms above draw a class towards its kind. Against names alone they lift mAP of words to photos on all four
        sets that were measured (docs/explanation/words-and-labels.md).
        """
        return tuple(
            (self.names[number], *self.synonyms[number], *(self.names[above] for above in self.ancestors(number)))
            for number in range(self.n_classes)
        )


def _rows(file: str) -> list[tuple[str, list[str], tuple[str, ...]]]:
    text = (resources.files("lookalike.concepts") / file).read_text(encoding="utf-8")
    rows = []
    for line in text.splitlines():
        name, parents, synonyms, *_ = [*line.split("\t"), "", ""]
        rows.append((name, parents.split("; ") if parents else [], tuple(synonyms.split("; ")) if synonyms else ()))
    return rows


@cache
def imagenet() -> Vocabulary:
    """Vocabulary of every encoder whose card says ``labels = "imagenet-1k"``; read once, in about 10 ms."""
    classes, above = _rows("classes.tsv"), _rows("broader.tsv")
    rows = classes + above
    names = tuple(name for name, _, _ in rows)
    numbers = {name: number for number, name in enumerate(names)}
    parents = tuple(tuple(numbers[parent] for parent in wider) for _, wider, _ in rows)
    members = np.zeros((len(rows), len(classes)), np.bool_)
    for number in range(len(classes)):
        members[number, number] = True
        level = list(parents[number])
        while level:
            members[level, number] = True
            level = [parent for term in level for parent in parents[term]]
    members.flags.writeable = False
    return Vocabulary(names, tuple(words for _, _, words in rows), parents, len(classes), members)
