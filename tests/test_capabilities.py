"""docs/reference/capabilities.md names what there is, and all of it."""

from __future__ import annotations

import re
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest
import typer

import lookalike
from lookalike.cli import app as cli
from lookalike.explore import asking, asking_tags
from lookalike.server import create_app

PAGE = Path(__file__).parents[1] / "docs" / "reference" / "capabilities.md"
GOLDEN = Path(__file__).parent / "collection" / "golden" / "version-3"
PLACES = {"Collection": lookalike.Collection, "asking": asking, "asking_tags": asking_tags}


def rows() -> Iterator[list[str]]:
    """The cells of every row of the tables: capability, Python, command line, HTTP API, remark."""
    for line in PAGE.read_text(encoding="utf-8").splitlines():
        cells = [cell.strip() for cell in line.strip().strip("|").split("|")] if line.startswith("|") else []
        if cells and cells[0] not in ("Capability", "---"):
            assert len(cells) == 5, line
            yield cells


def named(column: int) -> set[str]:
    return {name for cells in rows() for name in re.findall(r"`([^`]+)`", cells[column])}


@pytest.fixture(scope="module")
def routes(tmp_path_factory) -> set[str]:
    path = shutil.copytree(GOLDEN, tmp_path_factory.mktemp("capabilities") / "photos.lookalike")
    with lookalike.Collection.open(path) as photos:
        paths = create_app(photos).openapi()["paths"]
    return {f"{method.upper()} {path.removeprefix('/api/v1')}" for path, methods in paths.items() for method in methods}


def test_every_route_is_named_and_no_other(routes):
    assert named(3) == routes


def test_every_command_is_named_and_every_option_that_is_named_exists():
    commands = typer.main.get_command(cli).commands  # type: ignore[attr-defined]
    found = set()
    for line in named(2):
        program, command, *rest = line.split()
        assert program == "lookalike"
        found.add(command)
        options = {option for parameter in commands[command].params for option in parameter.opts}
        assert {word for word in rest if word.startswith("--")} <= options, line
    assert found == set(commands)


def test_every_public_method_is_named_and_no_other():
    public = {f"Collection.{name}" for name in dir(lookalike.Collection) if not name.startswith("_")}
    for place in ("asking", "asking_tags"):
        functions = (name for name in PLACES[place].__all__ if name.islower())
        public |= {f"{place}.{name}" for name in functions}
    assert named(1) == public


def test_an_empty_cell_has_its_reason():
    for capability, python, command, route, remark in rows():
        if capability not in ("close", "serve page and API, refuse changes"):
            assert (python and command and route) or remark, capability
