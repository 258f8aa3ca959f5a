"""What a live index is, kept in its database, and how it is opened."""

from __future__ import annotations

import sqlite3
from dataclasses import dataclass
from pathlib import Path
from typing import Self

from lookalike.errors import FormatError, InvalidArgumentError, LiveIndexError
from lookalike.index.live import tables
from lookalike.index.live.database import connect, read_transaction, transaction
from lookalike.index.live.memory import COMPACTIONS
from lookalike.quantization.arguments import check_choice, check_count, shown
from lookalike.quantization.model import METRICS

__all__ = ["Opening", "Options"]

_MOST_DIM = 1 << 16
_DEFAULTS = {"metric": "l2", "centred": False, "bytes_per_vector": 16}


@dataclass(frozen=True, slots=True)
class Options:
    """What an index is from its first day on; None where a call says nothing.

    Parameters
    ----------
    dim : int or None
    metric : {"l2", "cosine"} or None
    centred : bool or None
    bytes_per_vector : int or None
    """

    dim: int | None
    metric: str | None
    centred: bool | None
    bytes_per_vector: int | None

    def settle(self, database: Path, *, writable: bool) -> tables.Facts:
        """Make the tables where they are missing, or see that they are of an index as wanted.

        Raises
        ------
        InvalidArgumentError
            Options that are wrong in themselves, or other than those the index was made with.
        LiveIndexError
            There is no index, and none can be made.
        FormatError
            Damaged, or newer than this version.
        """
        wanted = self._checked()
        if not writable and not database.is_file():
            raise LiveIndexError(f"There is no live index at {database}. Open it with `writable=True` to make one.")
        db = connect(database, writable=writable)
        try:
            with transaction(db) if writable else read_transaction(db):
                facts = tables.facts(db)
                if facts is None:
                    if not writable:
                        raise FormatError(f"{database} is a SQLite database, but it holds no live index.")
                    facts = self._create(db)
            for name, value in wanted.items():
                if value is not None and value != getattr(facts, name):
                    raise InvalidArgumentError(
                        f"`{name}` is {shown(value)}, but this index was made with {getattr(facts, name)!r}. Leave it "
                        "out, or make a new index at another path."
                    )
            return facts
        finally:
            db.close()

    def _create(self, db: sqlite3.Connection) -> tables.Facts:
        if self.dim is None:
            raise InvalidArgumentError("`dim` is missing, but a new index needs it: the dimension of its vectors.")
        chosen = {name: getattr(self, name) for name in _DEFAULTS}
        chosen = {name: _DEFAULTS[name] if value is None else value for name, value in chosen.items()}
        if chosen["centred"] and chosen["metric"] != "cosine":
            raise InvalidArgumentError(
                '`centred` goes with `metric="cosine"` only: Euclidean distances do not depend on a mean.'
            )
        others = db.execute("SELECT count(*) FROM sqlite_master WHERE name IN ('vectors', 'segments')").fetchone()[0]
        if others:
            raise FormatError("the database holds tables of another program. Give another path.")
        tables.create(db, dim=self.dim, **chosen)
        facts = tables.facts(db)
        assert facts is not None
        return facts

    def _checked(self) -> dict[str, int | str | None]:
        if self.metric is not None:
            check_choice(self.metric, "metric", METRICS)
        return {
            "dim": None if self.dim is None else check_count(self.dim, "dim", most=_MOST_DIM),
            "metric": self.metric,
            "centred": None if self.centred is None else int(bool(self.centred)),
            "bytes_per_vector": (
                None if self.bytes_per_vector is None else check_count(self.bytes_per_vector, "bytes_per_vector")
            ),
        }


@dataclass(frozen=True, slots=True)
class Opening:
    """How an index is opened, this time.

    Parameters
    ----------
    writable : bool
    compaction : {"none", "basic", "eager"}
    flush_at : int
        Rows in memory at which they are flushed.
    train_from : int
        Vectors from which on there is a model.
    background : bool
    """

    writable: bool
    compaction: str
    flush_at: int
    train_from: int
    background: bool

    @classmethod
    def checked(cls, *, writable: bool, compaction: str, flush_at: int, train_from: int, background: bool) -> Self:
        """Check arguments."""
        check_choice(compaction, "compaction", COMPACTIONS)
        return cls(
            writable, compaction, check_count(flush_at, "flush_at"), check_count(train_from, "train_from"), background
        )
