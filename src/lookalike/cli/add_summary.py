"""What an `add` did: one screen for people, one object for programs."""

from __future__ import annotations

import shlex
import time
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

from lookalike.cli.options import DEFAULT_COLLECTION
from lookalike.cli.terminal import stdout
from lookalike.cli.wording import count, duration, one_line, shown_path

if TYPE_CHECKING:
    from lookalike.collection import AddProgress, Collection

__all__ = ["AddSummary", "failures_command", "print_failures"]

N_FAILURES_SHOWN = 5


class AddSummary:
    """Sums up an `add`; made before it begins.

    Parameters
    ----------
    photos : Collection
        That is added to.
    retry_failed : bool
        Whether files that failed before are read again, so that their failures are this run's.
    """

    def __init__(self, photos: Collection, *, retry_failed: bool = False) -> None:
        self._photos = photos
        self._failed_before = set() if retry_failed else set(photos.failures())
        self._started = time.monotonic()

    def print(self, done: AddProgress) -> None:
        """Print it on standard output."""
        from rich.padding import Padding
        from rich.table import Table

        console = stdout()
        table = Table.grid(padding=(0, 1))
        table.add_column(justify="right")
        table.add_column()
        for number, what, style in (
            (done.added, "added", "green"),
            (done.updated, "changed and read again", None),
            (done.moved, "moved or copies: their content is known", None),
            (done.gone, "gone", None),
            (done.unchanged, "unchanged", None),
            (done.failed, "could not be read", "red"),
        ):
            if number:
                table.add_row(f"{number:,}", what, style=style)
        if table.row_count:
            console.print(Padding(table, (0, 0, 0, 2), expand=False))
        failures = self._failures() if done.failed else []
        n_failures = self._photos.n_failures()
        if failures:
            console.print("Could not be read:")
            print_failures(failures[:N_FAILURES_SHOWN])
        if n_failures > min(len(failures), N_FAILURES_SHOWN):
            console.print(
                f"{count(n_failures, 'file')} cannot be read in all; list: {failures_command(self._photos.path)}"
            )
        took = f", after {duration(self._seconds())}" if done.done else ""
        console.print(f"{shown_path(self._photos.path)} holds {count(len(self._photos), 'photo')}{took}.")

    def to_json(self, done: AddProgress) -> dict[str, Any]:
        """Return it for programs."""
        counts = asdict(done)
        for name in ("rate", "eta_seconds", "message"):
            del counts[name]
        return {
            "collection": str(self._photos.path),
            **counts,
            "photos": len(self._photos),
            "seconds": round(self._seconds(), 3),
            "failures": [{"path": path, "reason": reason} for path, reason in self._failures()],
        }

    def _failures(self) -> list[tuple[str, str]]:
        return [failure for failure in self._photos.failures() if failure not in self._failed_before]

    def _seconds(self) -> float:
        return time.monotonic() - self._started


def failures_command(collection: Path) -> str:
    """Return the command that lists what could not be read."""
    named = "" if collection == DEFAULT_COLLECTION.absolute() else f" -c {shlex.quote(shown_path(collection))}"
    return f"lookalike info{named} --failures"


def print_failures(failures: list[tuple[str, str]]) -> None:
    """Print files that could not be read on standard output, each with its reason below."""
    from rich.padding import Padding

    console = stdout()
    for path, reason in failures:
        console.print(f"  {shown_path(path)}", style="red")
        if console.is_terminal:
            console.print(Padding(one_line(reason), (0, 0, 0, 6), expand=False))
        else:
            console.print(f"      {one_line(reason)}")
