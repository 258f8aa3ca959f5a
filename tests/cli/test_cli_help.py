"""The command line explains itself, quickly, and tells wrong usage from errors."""

import os
import subprocess
import sys
from collections.abc import Sequence

import pytest

import lookalike
from lookalike.cli import app

COMMANDS = {
    *("open", "add", "search", "complete", "why", "units", "serve", "info"),
    *("tag", "tags", "machine-tags", "teach", "evaluate"),
    *("stats", "verify", "repair", "backup", "restore", "compact"),
}


def test_the_commands_are_those_that_work() -> None:
    assert {command.name for command in app.registered_commands} == COMMANDS


def imported_by(arguments: Sequence[object], names: Sequence[str]) -> list[str]:
    """Run a command; return which of the modules `names` it imported."""
    code = (
        "import sys; from lookalike.cli import main\n"
        "try: main()\n"
        f"finally: print(*[name for name in {names} if name in sys.modules], file=sys.stderr)"
    )
    command = [sys.executable, "-c", code, *map(str, arguments)]
    return subprocess.run(command, capture_output=True, text=True, check=True).stderr.split()


@pytest.mark.parametrize("arguments", [("--help",), ("search", "--help"), ("open", "--help"), ("--version",)])
def test_help_loads_neither_a_network_nor_a_server(arguments) -> None:
    assert imported_by(arguments, ["onnxruntime", "onnx", "fastapi", "uvicorn", "numpy", "PIL", "sqlite3"]) == []


def test_searching_in_the_collection_builds_no_network_and_loads_no_server(demo_collection) -> None:
    assert imported_by(["search", 1, "-c", demo_collection], ["onnx", "fastapi", "uvicorn"]) == []


@pytest.mark.parametrize("command", sorted(COMMANDS))
def test_every_help_shows_an_example_and_fits_a_terminal(run, command) -> None:
    result = run(command, "--help")
    assert result.exit_code == 0
    assert f"Example:  lookalike {command}" in result.stdout
    assert max(map(len, result.stdout.splitlines())) <= 80


def test_help_is_shown_when_nothing_is_asked(run) -> None:
    result = run()
    assert result.exit_code == 2
    assert "lookalike open ~/Pictures" in result.stdout + result.stderr


def test_version_is_the_package_s(run) -> None:
    result = run("--version")
    assert (result.exit_code, result.stdout) == (0, f"lookalike {lookalike.__version__}\n")


def test_the_module_runs_the_same_command(run_process) -> None:
    done = run_process("--version")
    assert (done.returncode, done.stdout.split()[0]) == (0, "lookalike")


@pytest.mark.parametrize(
    "arguments",
    [
        ("find",),
        ("add",),
        ("add", "no/such/folder"),
        ("open", "no/such/folder"),
        ("search",),
        ("search", "-k", "0", "x"),
        ("search", "--photo", "--words", "x"),
        ("search", "x", "--sheet", "sheet.pdf"),
        ("info", "1", "--failures"),
        ("why", "1"),
        ("why", "1", "2", "--sheet", "sheet.pdf"),
        ("units",),
        ("units", "1", "--unit", "2"),
        ("units", "--unit", "-1"),
        ("backup",),
        ("restore",),
        ("stats", "--recall", "-1"),
        ("serve", "--port", "70000"),
        ("add", ".", "--precision", "int4"),
    ],
)
def test_a_wrong_command_line_ends_with_2_and_says_why(run, arguments) -> None:
    result = run(*arguments)
    assert result.exit_code == 2
    assert "Usage: " in result.stderr
    assert "Error" in result.stderr


@pytest.mark.parametrize(
    "arguments",
    [
        ("add", ""),
        ("add", ".", ""),
        ("open", ""),
        ("info", "-c", ""),
        ("backup", ""),
        ("restore", ""),
        ("search", "boat", "--folder", ""),
        ("search", "boat", "--sheet", ""),
        ("search", "--vector", ""),
        ("why", "1", "2", "--sheet", ""),
        ("tags", "--undo", ""),
    ],
)
def test_an_empty_path_is_not_the_current_directory(run, tmp_path, monkeypatch, arguments) -> None:
    monkeypatch.chdir(tmp_path)
    result = run(*arguments)
    assert result.exit_code == 2
    assert "the path is empty" in " ".join(result.stderr.replace("│", " ").split())
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("command", sorted(COMMANDS))
def test_usage_brackets_an_argument_once(run, command) -> None:
    usage = run(command, "--help").stdout.partition("Usage:")[2].partition("\n\n")[0]
    assert "[[" not in usage
    assert "...]" not in usage


@pytest.mark.skipif(os.name != "posix", reason="of POSIX shells")
@pytest.mark.parametrize("arguments", [("--version",), ("info", "-c", "nothing.lookalike")])
def test_closed_streams_are_no_crash(tmp_path, arguments) -> None:
    shell = ["sh", "-c", 'exec "$@" >&- 2>"$0"', str(tmp_path / "told")]
    done = subprocess.run([*shell, sys.executable, "-m", "lookalike", *arguments], check=False)
    assert done.returncode == (0 if arguments == ("--version",) else 1)
    assert "Traceback" not in (tmp_path / "told").read_text(encoding="utf-8")


def test_ctrl_c_while_modules_are_read_is_no_traceback() -> None:
    code = (
        "import sys\n"
        "class Interrupt:\n"
        "    def find_spec(self, name, path, target=None):\n"
        "        if name == 'typer': raise KeyboardInterrupt\n"
        "sys.meta_path.insert(0, Interrupt())\n"
        "from lookalike.__main__ import main; main()"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (130, "")
