"""The command line explains itself, quickly, and tells wrong usage from errors."""

import sys

import pytest

from lookalike.cli import app

COMMANDS = {"open", "add", "search", "serve", "info"}


def test_the_commands_are_those_that_work() -> None:
    assert {command.name for command in app.registered_commands} == COMMANDS


@pytest.mark.parametrize("arguments", [("--help",), ("search", "--help"), ("open", "--help"), ("--version",)])
def test_help_loads_neither_a_network_nor_a_server(run_process, arguments) -> None:
    code = (
        "import sys; from lookalike.cli import main\n"
        "try: main()\n"
        "finally: print([name for name in ('onnxruntime', 'onnx', 'fastapi', 'uvicorn', 'numpy', 'PIL', 'sqlite3') "
        "if name in sys.modules], file=sys.stderr)"
    )
    import subprocess

    done = subprocess.run([sys.executable, "-c", code, *arguments], capture_output=True, text=True, check=True)
    assert done.stderr.strip() == "[]"


def test_searching_with_a_photo_of_the_collection_loads_neither_a_network_nor_a_server(demo_collection) -> None:
    import subprocess

    code = (
        "import sys; from lookalike.cli import main\n"
        "try: main()\n"
        "finally: print([name for name in ('onnx', 'fastapi', 'uvicorn') if name in sys.modules], file=sys.stderr)"
    )
    done = subprocess.run(
        [sys.executable, "-c", code, "search", "1", "-c", str(demo_collection)],
        capture_output=True,
        text=True,
        check=True,
    )
    assert done.stderr.strip() == "[]"


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
    import lookalike

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
        ("serve", "--port", "70000"),
        ("add", ".", "--precision", "int4"),
    ],
)
def test_a_wrong_command_line_ends_with_2_and_says_why(run, arguments) -> None:
    result = run(*arguments)
    assert result.exit_code == 2
    assert "Usage: " in result.stderr
    assert "Error" in result.stderr
