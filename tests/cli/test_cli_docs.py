"""docs/reference/cli.md describes every command and option, and nothing else."""

import re
import shlex
import shutil
from pathlib import Path

import pytest
import typer

from lookalike.cli import app

PAGE = (Path(__file__).parents[2] / "docs" / "reference" / "cli.md").read_text(encoding="utf-8")
COMMANDS = typer.main.get_command(app).commands  # type: ignore[attr-defined]


def section(command: str) -> str:
    match = re.search(rf"^## lookalike {command}\n(.*?)(?=^## |\Z)", PAGE, re.MULTILINE | re.DOTALL)
    assert match is not None, f"docs/reference/cli.md has no section about `lookalike {command}`"
    return match[1]


def options(command: str) -> set[str]:
    """Options of a command but for `--help`, which all have."""
    return {name for parameter in COMMANDS[command].params for name in parameter.opts if name.startswith("-")}


def test_the_page_has_a_section_for_every_command_and_for_no_other() -> None:
    assert set(re.findall(r"^## lookalike ([\w-]+)$", PAGE, re.MULTILINE)) == set(COMMANDS)


@pytest.mark.parametrize("command", sorted(COMMANDS))
def test_the_table_of_options_is_complete_and_true(command) -> None:
    rows = re.findall(r"^\| (`-.*?) \| ", section(command), re.MULTILINE)
    documented = {name for row in rows for name in re.findall(r"`(--?[a-z][a-z-]*)", row)}
    assert documented == options(command)


@pytest.mark.parametrize("command", sorted(COMMANDS))
def test_defaults_are_as_documented(command) -> None:
    for parameter in COMMANDS[command].params:
        if parameter.name in ("k", "host", "port"):
            (row,) = re.findall(rf"^\| `--?{parameter.name}[ `].*$", section(command), re.MULTILINE)
            said = parameter.default or re.findall(r"default (\d+)", parameter.help)[0]
            assert f"default {said}" in row


def test_every_example_is_a_command_line_that_parses() -> None:
    examples = re.findall(r"^\$ lookalike (.*)$", PAGE, re.MULTILINE)
    examples += [command.epilog.removeprefix("Example:  lookalike ") for command in COMMANDS.values()]
    assert len(examples) > 10
    for example in examples:
        name, *arguments = shlex.split(example)
        # Folders of the examples are not here; what is wrong with an option would be found before that.
        known = [argument if not argument.startswith(("~", "/media")) else "." for argument in arguments]
        with COMMANDS[name].make_context(name, known):
            pass


def test_the_page_of_help_and_the_global_options_are_mentioned() -> None:
    for words in ("--help", "-h", "--version", "LOOKALIKE_COLLECTION", "LOOKALIKE_DEBUG", "python -m lookalike"):
        assert words in PAGE


def _listed(printed: dict, name: str) -> list[dict]:
    value = printed.get(name)
    return value if isinstance(value, list) else []


def test_every_name_in_the_json_is_documented(run_json, demo_collection, tmp_path) -> None:
    (tmp_path / "empty").mkdir()
    for command, arguments in (
        ("info", ()),
        ("info", ("1",)),
        ("info", ("--failures",)),
        ("search", ("1",)),
        ("complete", ("van",)),
        ("why", ("1", "2")),
        ("units", ("1",)),
        ("units", ("--unit", "3")),
        ("add", (tmp_path / "empty",)),
        ("tag", ("1",)),
        ("tags", ()),
        ("machine-tags", ()),
        ("teach", ()),
        ("evaluate", ("tags",)),
        ("stats", ()),
        ("verify", ()),
        ("backup", (tmp_path / "copy",)),
        ("restore", (tmp_path / "copy",)),
        ("compact", ()),
        ("repair", ()),
    ):
        made = command in ("add", "restore", "compact", "repair")
        collection = tmp_path / f"{command}.lookalike" if made else demo_collection
        if command in ("compact", "repair"):
            shutil.copytree(demo_collection, collection)
        printed = run_json(command, *arguments, "-c", collection)
        names = [*printed, *printed.get("stats", {}), *[name for hit in printed.get("hits", []) for name in hit]]
        names += [name for part in ("seen", "a") for name in printed.get(part, {})]
        names += [name for part in ("units", "photos") for each in _listed(printed, part) for name in each]
        missing = {
            name for name in names if f"`{name}`" not in section(command) and f'"{name}"' not in section(command)
        }
        assert not missing, f"`lookalike {command} --json` prints {missing}, which the page does not mention"
