"""Which photo carries which tags: rows of tag numbers, one after the other (compressed sparse rows).

4 bytes per tag that a photo carries and 8 per photo: 100,000 photos with five tags each take 3 MB.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Self

import numpy as np
from numpy.typing import NDArray

from lookalike.errors import InvalidArgumentError

__all__ = ["TagTable"]


@dataclass(frozen=True, slots=True, eq=False)
class TagTable:
    """Tags of photos.

    Parameters
    ----------
    names : tuple of str
        Names of the tags, all different; a tag's number is its place.
    offsets : int64 (n + 1,)
        Where each photo's tags begin in ``tags``.
    tags : int32 (n_carried,)
        Tag numbers, rising within a photo, none twice.

    Raises
    ------
    InvalidArgumentError
    """

    names: tuple[str, ...]
    offsets: NDArray[np.int64]
    tags: NDArray[np.int32]

    def __post_init__(self) -> None:
        if len(set(self.names)) != len(self.names):
            raise InvalidArgumentError("`names` holds a tag twice; every tag needs one number.")
        offsets = self.offsets
        if offsets.ndim != 1 or not len(offsets) or offsets[0] or offsets[-1] != len(self.tags):
            raise InvalidArgumentError("`offsets` must rise from 0 to the number of `tags`.")
        if (np.diff(offsets) < 0).any():
            raise InvalidArgumentError("`offsets` must rise from 0 to the number of `tags`.")
        if len(self.tags) and (int(self.tags.min()) < 0 or int(self.tags.max()) >= len(self.names)):
            raise InvalidArgumentError(f"`tags` must be numbers from 0 to {len(self.names) - 1}, one for each name.")
        keys = self.photos() * max(len(self.names), 1) + self.tags
        if (np.diff(keys) <= 0).any():
            raise InvalidArgumentError("`tags` must rise within each photo, none twice.")

    @classmethod
    def of(cls, tags: Sequence[Iterable[str]], names: Sequence[str] | None = None) -> Self:
        """Make a table of the tags of each photo.

        Parameters
        ----------
        tags : sequence of iterables of str
            One for each photo; a tag that is given twice counts once.
        names : sequence of str, optional
            Names in their order; tags beyond them come after, sorted. By default all are sorted.

        Raises
        ------
        InvalidArgumentError
            A text instead of a list of tags.
        """
        rows = []
        for each in tags:
            if isinstance(each, str):
                raise InvalidArgumentError(f"`tags` holds the text {each!r}; give a list of tags for each photo.")
            rows.append(set(each))
        known = dict.fromkeys(names or ())
        known.update(dict.fromkeys(sorted({tag for row in rows for tag in row if tag not in known})))
        numbers = {name: number for number, name in enumerate(known)}
        sorted_rows = [sorted(numbers[tag] for tag in row) for row in rows]
        offsets = np.zeros(len(rows) + 1, np.int64)
        np.cumsum([len(row) for row in sorted_rows], out=offsets[1:])
        return cls(tuple(known), offsets, np.array([tag for row in sorted_rows for tag in row], np.int32))

    @classmethod
    def from_pairs(
        cls, names: tuple[str, ...], n_photos: int, photos: NDArray[np.int64], tags: NDArray[np.int64]
    ) -> Self:
        """Make a table of pairs of a photo's row and a tag's number, in any order; repeated ones count once."""
        n_tags = max(len(names), 1)
        keys = np.sort(photos * n_tags + tags)  # np.unique of so many takes ten times as long
        keys = keys[np.diff(keys, prepend=-1) > 0]
        offsets = np.searchsorted(keys, np.arange(n_photos + 1, dtype=np.int64) * n_tags).astype(np.int64)
        return cls(names, offsets, (keys % n_tags).astype(np.int32))

    def __len__(self) -> int:
        """Return the number of photos."""
        return len(self.offsets) - 1

    @property
    def n_tags(self) -> int:
        """The number of tags."""
        return len(self.names)

    def of_photo(self, row: int) -> NDArray[np.int32]:
        """Return the numbers of a photo's tags, rising: int32."""
        return self.tags[self.offsets[row] : self.offsets[row + 1]]

    def per_photo(self) -> NDArray[np.int64]:
        """Return how many tags each photo carries: int64 (n,)."""
        return np.diff(self.offsets)

    def per_tag(self) -> NDArray[np.int64]:
        """Return how many photos carry each tag: int64 (n_tags,)."""
        return np.bincount(self.tags, minlength=self.n_tags).astype(np.int64)

    def photos(self) -> NDArray[np.int64]:
        """Return the photo's row for each entry of ``tags``: int64 (n_carried,)."""
        return np.repeat(np.arange(len(self), dtype=np.int64), self.per_photo())

    def rows(self, rows: NDArray[np.int64]) -> TagTable:
        """Return the table of these photos, in this order, with the same names."""
        at, counts = self.entries(rows)
        offsets = np.zeros(len(rows) + 1, np.int64)
        np.cumsum(counts, out=offsets[1:])
        return TagTable(self.names, offsets, self.tags[at])

    def entries(self, rows: NDArray[np.int64]) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
        """Return where the tags of these photos lie in ``tags``, and how many each has: int64, int64 (len(rows),)."""
        counts = self.offsets[rows + 1] - self.offsets[rows]
        ends = np.cumsum(counts)
        at = np.arange(int(counts.sum()), dtype=np.int64) + np.repeat(self.offsets[rows] - (ends - counts), counts)
        return at, counts

    def renamed(self, names: tuple[str, ...]) -> TagTable:
        """Return the same table with tags numbered as in ``names``, which must hold all of them."""
        if names[: self.n_tags] == self.names:
            return TagTable(names, self.offsets, self.tags)
        numbers = {name: number for number, name in enumerate(names)}
        new = np.array([numbers[name] for name in self.names], np.int64)
        return TagTable.from_pairs(names, len(self), self.photos(), new[self.tags])

    def indicators(self, rows: NDArray[np.int64] | None = None) -> NDArray[np.float32]:
        """Return 1 where a photo carries a tag, else 0: float32 (n, n_tags). For few photos at a time."""
        table = self if rows is None else self.rows(rows)
        dense = np.zeros((len(table), self.n_tags), np.float32)
        dense[table.photos(), table.tags] = 1
        return dense
