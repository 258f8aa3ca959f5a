"""What an index takes, by what it is for."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, fields
from typing import Self

from lookalike.index.segment import Segment

__all__ = ["Memory"]


@dataclass(frozen=True, slots=True)
class Memory:
    """Bytes of an index; of an opened one, what is mapped from disk as well.

    Parameters
    ----------
    n : int
        Vectors that can be found.
    codes : int
        Packed codes, in blocks: on average half a block of each list is padding.
    ids : int
    lists : int
        Which rows belong to which cell.
    deletions : int
        Marks of deleted rows. Their codes and vectors stay, and count, until a quarter of a segment is deleted.
    vectors : int
        Vectors stored for re-ranking.
    model : int
    """

    n: int
    codes: int
    ids: int
    lists: int
    deletions: int
    vectors: int
    model: int

    @classmethod
    def of(cls, segments: Sequence[Segment], model: int) -> Self:
        """Count the arrays of segments."""
        return cls(
            n=sum(s.n_alive for s in segments),
            codes=sum(s.blocks.nbytes for s in segments),
            ids=sum(s.ids.nbytes for s in segments),
            lists=sum(s.cells.nbytes + s.offsets.nbytes + s.first_blocks.nbytes for s in segments),
            deletions=sum(s.alive.nbytes for s in segments if s.alive is not None),
            vectors=sum(s.embeddings.nbytes for s in segments if s.embeddings is not None),
            model=model,
        )

    @property
    def total(self) -> int:
        """Bytes in all."""
        return self.codes + self.ids + self.lists + self.deletions + self.vectors + self.model

    @property
    def per_vector(self) -> float:
        """Bytes for each vector; 0 while there is none."""
        return self.total / self.n if self.n else 0.0

    def __str__(self) -> str:
        rows = [(each.name, getattr(self, each.name)) for each in fields(self) if each.name != "n"]
        lines = [f"{'':10}{'bytes':>16}{'a vector':>12}"]
        for name, value in [*rows, ("total", self.total)]:
            lines.append(f"{name:10}{value:>16,}{value / max(1, self.n):>12.2f}")
        return "\n".join(lines)
