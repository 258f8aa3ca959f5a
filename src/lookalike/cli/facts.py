"""Facts in two columns, and how many bytes the parts of a collection take."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from lookalike.cli.terminal import stdout
from lookalike.cli.wording import one_line

__all__ = ["bytes_by_part", "print_facts"]

_OF_LINES = ("Files", "Damaged", "Machine tags")
_PARTS = {"segments": "index", "models": "index", "thumbnails": "thumbnails"}


def bytes_by_part(directory: Path) -> dict[str, int]:
    """Count the bytes of catalog, index and thumbnails, and the total."""
    parts = {"catalog": 0, "index": 0, "thumbnails": 0}
    total = 0
    for path in directory.rglob("*"):
        try:
            n_bytes = path.stat().st_size if path.is_file() else 0
        except OSError:  # renamed or removed by an `add` meanwhile
            continue
        total += n_bytes
        top = path.relative_to(directory).parts[0]
        part = _PARTS.get(top, "catalog" if "catalog" in top else "")
        if part:
            parts[part] += n_bytes
    return {**parts, "total": total}


def print_facts(facts: dict[str, Any]) -> None:
    """Print names and values in two columns, without those that are empty."""
    from rich.table import Table

    console = stdout()
    known = {
        name: [one_line(line) for line in value.split("\n")] if name in _OF_LINES else [one_line(value)]
        for name, value in facts.items()
        if value
    }
    if not console.is_terminal:
        width = max(len(name) for name in known)
        for name, lines in known.items():
            for line in lines:
                console.print(f"{name:<{width}}  {line}")
        return
    table = Table.grid(padding=(0, 2))
    table.add_column(style="dim", no_wrap=True)
    table.add_column(overflow="fold")
    for name, lines in known.items():
        table.add_row(name, "\n".join(lines))
    console.print(table)
