"""What a measurement gives: tables for people, figures for programs, and where they came from."""

from __future__ import annotations

import json
import os
import platform
import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path

from rich.console import Console
from rich.table import Table

ROOT = Path(__file__).parent.parent

Cell = str | int | float


def machine() -> str:
    """Describe the machine: processor, cores, memory, Python."""
    model = platform.processor() or platform.machine()
    cpuinfo = Path("/proc/cpuinfo")
    if cpuinfo.exists():
        lines = cpuinfo.read_text().splitlines()
        model = next((line.partition(":")[2].strip() for line in lines if line.startswith("model name")), model)
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 2**30
    cores = len(os.sched_getaffinity(0))
    return f"{model}, {cores} cores, {memory:.0f} GiB, {platform.system()}, Python {platform.python_version()}"


def _text(cell: Cell) -> str:
    if isinstance(cell, float):
        return f"{cell:.3f}" if abs(cell) < 10 else f"{cell:,.1f}"
    return f"{cell:,}" if isinstance(cell, int) else cell


@dataclass
class Report:
    """Tables with a title each, and notes below them."""

    title: str
    name: str
    tables: list[tuple[str, list[str], list[list[Cell]]]] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)

    def table(self, title: str, columns: list[str], rows: list[list[Cell]]) -> None:
        """Add a table; its columns have names of their own, since figures go into the JSON by them."""
        assert len(set(columns)) == len(columns), columns
        self.tables.append((title, columns, rows))

    def print(self) -> None:
        """Print everything to the terminal."""
        console = Console(width=max(Console().width, 110))
        for title, columns, rows in self.tables:
            table = Table(title=title, title_justify="left")
            for position, column in enumerate(columns):
                table.add_column(column, justify="left" if position == 0 else "right")
            for row in rows:
                table.add_row(*map(_text, row))
            console.print(table)
        for note in self.notes:
            console.print(f"- {note}")

    def write(self, command: str, *, page: bool) -> None:
        """Write the figures as JSON and, when `page`, the tables as Markdown."""
        figures = ROOT / "build" / "bench" / f"{self.name}.json"
        figures.parent.mkdir(parents=True, exist_ok=True)
        tables = [
            {"title": title, "rows": [dict(zip(columns, row, strict=True)) for row in rows]}
            for title, columns, rows in self.tables
        ]
        content = {"title": self.title, "machine": machine(), "command": command, "notes": self.notes, "tables": tables}
        figures.write_text(json.dumps(content, indent=1))
        if not page:
            return
        lines = [
            f"# {self.title}",
            "",
            f"Made by `{command}` on {datetime.now(UTC):%Y-%m-%d}: {machine()}.",
            "",
        ]
        lines += [_section(*table) for table in self.tables]
        lines += [f"- {note}" for note in self.notes]
        self._page.parent.mkdir(parents=True, exist_ok=True)
        self._page.write_text("\n".join(lines).rstrip() + "\n")
        print(f"wrote {self._page.relative_to(ROOT)}")

    def refresh_page(self) -> None:
        """Put the tables in the place of those with the same title on the page, for a part that was measured alone."""
        text = self._page.read_text()
        for title, columns, rows in self.tables:
            section = _section(title, columns, rows)
            found = re.search(rf"^## {re.escape(title)}\n.*?(?=^## |^- |\Z)", text, re.MULTILINE | re.DOTALL)
            if found is None:
                print(f"the page has no table {title!r}: put it where it belongs")
                continue
            text = text[: found.start()] + section + "\n" + text[found.end() :]
        self._page.write_text(text)
        print(f"wrote {self._page.relative_to(ROOT)}")

    @property
    def _page(self) -> Path:
        return ROOT / "docs" / "benchmarks" / f"{self.name}.md"


def _section(title: str, columns: Sequence[str], rows: Sequence[Sequence[Cell]]) -> str:
    lines = [f"## {title}", "", "| " + " | ".join(columns) + " |", "|---" + "|---:" * (len(columns) - 1) + "|"]
    return "\n".join([*lines, *("| " + " | ".join(map(_text, row)) + " |" for row in rows), ""])
