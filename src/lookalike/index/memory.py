"""What an index takes, by what it is for."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Self

from lookalike.errors import InvalidArgumentError
from lookalike.index.segment import Segment
from lookalike.quantization.arguments import check_count

__all__ = ["Memory"]

_PARTS = ("codes", "padding", "ids", "lists", "deletions", "vectors", "model")


@dataclass(frozen=True, slots=True)
class Memory:
    """Bytes of an index; of an opened one, what is mapped from disk as well.

    Parameters
    ----------
    n : int
        Vectors that can be found.
    codes : int
        Packed codes.
    padding : int
        What fills the last block of each list: half a block on average.
    ids : int
    lists : int
        Which rows belong to which cell.
    deletions : int
        Marks of deleted rows. Their codes and vectors stay, and count, until a quarter of a segment is deleted.
    vectors : int
        Vectors stored for re-ranking.
    model : int
    n_deleted : int
        Vectors that are deleted and still count.
    """

    n: int
    codes: int
    padding: int
    ids: int
    lists: int
    deletions: int
    vectors: int
    model: int
    n_deleted: int = 0

    @classmethod
    def of(cls, segments: Sequence[Segment], model: int) -> Self:
        """Count the arrays of segments."""
        codes = sum(len(s) * s.blocks.shape[1] for s in segments)
        n = sum(s.n_alive for s in segments)
        return cls(
            n=n,
            codes=codes,
            padding=sum(s.blocks.nbytes for s in segments) - codes,
            ids=sum(s.ids.nbytes for s in segments),
            lists=sum(s.cells.nbytes + s.offsets.nbytes + s.first_blocks.nbytes for s in segments),
            deletions=sum(s.alive.nbytes for s in segments if s.alive is not None),
            vectors=sum(s.embeddings.nbytes for s in segments if s.embeddings is not None),
            model=model,
            n_deleted=sum(len(s) for s in segments) - n,
        )

    def at(self, n: int) -> Self:
        """Account for ``n`` vectors in the same cells with the same model, none of them deleted.

        Codes, ids and stored vectors grow in proportion; lists, their padding and the model are there once.
        """
        n_rows = self.n + self.n_deleted
        if not n_rows:
            raise InvalidArgumentError("there are no vectors yet from whose bytes those of others would follow.")
        n = check_count(n, "n")
        codes, ids, vectors = (round(each / n_rows * n) for each in (self.codes, self.ids, self.vectors))
        return replace(self, n=n, codes=codes, ids=ids, vectors=vectors, deletions=0, n_deleted=0)

    @property
    def total(self) -> int:
        """Bytes in all."""
        return sum(getattr(self, name) for name in _PARTS)

    @property
    def per_vector(self) -> float:
        """Bytes for each vector; 0 while there is none."""
        return self.total / self.n if self.n else 0.0

    def __str__(self) -> str:
        rows = [(name, getattr(self, name)) for name in _PARTS]
        lines = [f"{'':10}{'bytes':>16}{'a vector':>12}"]
        for name, value in [*rows, ("total", self.total)]:
            lines.append(f"{name:10}{value:>16,}{value / max(1, self.n):>12.2f}")
        return "\n".join(lines)
