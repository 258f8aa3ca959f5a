"""What is printed, and where: results on standard output, all else on standard error."""

from __future__ import annotations

import json
import sys
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from rich.console import Console

__all__ = ["print_error", "print_json", "print_note", "print_plain", "stderr", "stdout"]


def stdout() -> Console:
    """Return a console on standard output that prints text as it is: no markup, no guessed colours."""
    return _console(stderr=False)


def stderr() -> Console:
    """Return the same on standard error."""
    return _console(stderr=True)


def _console(*, stderr: bool) -> Console:
    from rich.console import Console

    console = Console(stderr=stderr, markup=False, emoji=False, highlight=False)
    console.soft_wrap = not console.is_terminal  # a pipe has no width at which a path should break
    return console


def print_json(value: dict[str, Any]) -> None:
    """Print `value` as one line on standard output, all of ASCII where that cannot show everything."""
    shows_all = (getattr(sys.stdout, "encoding", None) or "").lower().replace("-", "") == "utf8"
    print_plain(json.dumps(value, ensure_ascii=not shows_all))
    sys.stdout.flush()


def print_plain(line: str) -> None:
    """Print a line on standard output to the letter: Rich would turn its tabs into spaces."""
    sys.stdout.write(line + "\n")


def print_note(text: str) -> None:
    """Print a line for the person watching on standard error."""
    stderr().print(text, style="dim")


def print_error(message: str) -> None:
    """Print what went wrong on standard error, as one paragraph."""
    from rich.text import Text

    from lookalike.cli.wording import one_line

    sentence = one_line(message)
    stderr().print(Text.assemble(("Error: ", "bold red"), sentence[:1].upper() + sentence[1:]))
