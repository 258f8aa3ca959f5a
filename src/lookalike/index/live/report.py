"""What a look at every byte of a live index found."""

from __future__ import annotations

from dataclasses import dataclass

__all__ = ["Problem", "Report"]


@dataclass(frozen=True, slots=True)
class Problem:
    """One thing that is wrong.

    Parameters
    ----------
    place : str
        Where: "database", "vectors", "model 3", "segment 7", ...
    message : str
    """

    place: str
    message: str

    def __str__(self) -> str:
        return f"{self.place}: {self.message}"


@dataclass(frozen=True, slots=True)
class Report:
    """What :meth:`LiveIndex.verify` and :meth:`LiveIndex.repair` found.

    Parameters
    ----------
    path : str
    n_vectors, n_segments, n_bytes : int
        What was looked at; bytes of segments and models.
    problems : tuple of Problem
        Empty when all is well.
    leftovers : tuple of str
        Files of a run that was killed, which nothing names; the next writer deletes them. No problem.
    mended : tuple of Problem
        What `repair` found and made good.
    """

    path: str
    n_vectors: int
    n_segments: int
    n_bytes: int
    problems: tuple[Problem, ...]
    leftovers: tuple[str, ...] = ()
    mended: tuple[Problem, ...] = ()

    @property
    def is_clean(self) -> bool:
        """Whether there is no problem."""
        return not self.problems

    def __str__(self) -> str:
        lines = [f"{self.path}: {self.n_vectors:,} vectors, {self.n_segments} segments, {self.n_bytes:,} bytes of them"]
        lines += [f"  mended: {each}" for each in self.mended]
        lines += [f"  {each}" for each in self.problems]
        lines += [f"  left over: {each}" for each in self.leftovers]
        return "\n".join([*lines, "  all is well" if self.is_clean else f"  {len(self.problems)} problems"])
