"""An `add` while it runs: the estimate first, then a bar, or a line now and then.

All of it goes to standard error. Where that is no terminal there is no bar and no control code, only a line every ten
seconds.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from types import TracebackType
from typing import TYPE_CHECKING, Self

from lookalike.cli.terminal import stderr
from lookalike.cli.wording import count, duration, size

if TYPE_CHECKING:
    from rich.progress import Progress

    from lookalike.collection import AddProgress

__all__ = ["AddDisplay", "estimate"]

SECONDS_BETWEEN_LINES = 10.0
MEASURED_FROM = 32  # photos read: from fewer the estimate of the time would be a guess


class AddDisplay:
    """Shows one `AddProgress` after the other; called with each, from any one thread.

    Parameters
    ----------
    quiet : bool
        Show nothing where standard error is no terminal.
    """

    def __init__(self, *, quiet: bool = False) -> None:
        self._console = stderr()
        self._bar: Progress | None = None
        self._estimate_told = False
        self._next_line_at = 0.0
        on_terminal = self._console.is_terminal and not self._console.is_dumb_terminal
        self._silent = quiet and not on_terminal
        self._show: Callable[[AddProgress], None] = self._show_bar if on_terminal else self._show_line

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, _type: type[BaseException] | None, _error: BaseException | None, _where: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """Take the bar away."""
        if self._bar is not None:
            self._bar.stop()
            self._bar = None

    def say(self, text: str) -> None:
        """Tell something else on the way."""
        if not self._silent:
            self._console.print(text, style="dim")

    def __call__(self, now: AddProgress) -> None:
        """Show how far the work is."""
        if self._silent:
            return
        # How long it will take is known once some photos have been read.
        measured = now.eta_seconds is not None and now.done >= MEASURED_FROM
        if not self._estimate_told and (measured or now.state in ("indexing", "done", "stopped")):
            self._estimate_told = True
            self._console.print(estimate(now))
        if now.state in ("done", "stopped", "failed"):
            self.close()
        else:
            self._show(now)

    def _show_bar(self, now: AddProgress) -> None:
        if self._bar is None:
            from rich.progress import BarColumn, Progress, SpinnerColumn, TextColumn

            self._bar = Progress(
                SpinnerColumn(),
                TextColumn("{task.description}"),
                BarColumn(bar_width=None),
                TextColumn("{task.fields[figures]}"),
                console=self._console,
                expand=True,
                transient=True,
            )
            self._bar.add_task("", total=None, figures="")
            self._bar.start()
        what = {"counting": "Looking for photos", "running": "Reading", "indexing": "Building the index"}[now.state]
        figures = {"counting": f"{now.total:,}" if now.total else "", "running": " · ".join(_figures(now))}
        self._bar.update(
            self._bar.task_ids[0],
            description=what,
            total=now.total if now.state == "running" else None,
            completed=now.done,
            figures=figures.get(now.state, ""),
        )

    def _show_line(self, now: AddProgress) -> None:
        if now.state != "running" or now.rate is None or now.done == now.total:
            return
        if self._next_line_at == 0:
            self._next_line_at = time.monotonic() + SECONDS_BETWEEN_LINES
        elif time.monotonic() >= self._next_line_at:
            self._next_line_at = time.monotonic() + SECONDS_BETWEEN_LINES
            self._console.print(", ".join(_figures(now)))


def _figures(now: AddProgress) -> list[str]:
    figures = [f"{now.done:,} of {now.total:,}"]
    if now.rate is not None:
        figures.append(f"{now.rate:.1f} a second" if now.rate < 10 else f"{now.rate:,.0f} a second")
    if now.eta_seconds is not None:
        figures.append(f"{duration(now.eta_seconds)} left")
    return figures


def estimate(now: AddProgress) -> str:
    """Return what was found and what there is to do.

    Examples
    --------
    >>> from lookalike.collection import AddProgress
    >>> estimate(AddProgress("running", total=1200, unchanged=34, total_bytes=1_234_000_000, done=32, eta_seconds=40.0))
    'Found 1,234 photos; 1,200 to read, 1.2 GB, about 40 s.'
    """
    n_found = now.total + now.unchanged
    if n_found == 0:
        return "Found no photos."
    if now.total == 0:
        return f"Found {count(n_found, 'photo')}; none to read."
    about = f", about {duration(now.eta_seconds)}" if now.eta_seconds else ""
    return f"Found {count(n_found, 'photo')}; {now.total:,} to read, {size(now.total_bytes)}{about}."
