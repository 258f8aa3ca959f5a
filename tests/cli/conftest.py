"""How the tests run commands: inside this process, or as a real one."""

from __future__ import annotations

import contextlib
import json
import os
import shutil
import subprocess
import sys
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner, Result

from lookalike.cli import app

Run = Callable[..., Result]
RunProcess = Callable[..., "subprocess.CompletedProcess[str]"]
RunTerminal = Callable[..., tuple[int, str, str]]
COMMAND = [sys.executable, "-m", "lookalike"]


@pytest.fixture(autouse=True)
def _plain_surroundings(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("LOOKALIKE_COLLECTION", "LOOKALIKE_DEBUG", "DISPLAY", "WAYLAND_DISPLAY", "FORCE_COLOR", "COLUMNS"):
        monkeypatch.delenv(name, raising=False)


@pytest.fixture
def run() -> Run:
    """Run a command in this process; gives its exit code, `stdout` and `stderr`."""

    def run(*arguments: object) -> Result:
        result = CliRunner().invoke(app, [str(argument) for argument in arguments], prog_name="lookalike")
        if result.exception is not None and not isinstance(result.exception, SystemExit):
            raise result.exception
        return result

    return run


@pytest.fixture
def run_json(run: Run) -> Callable[..., Any]:
    """Run a command with `--json`, that must succeed; gives what it printed."""

    def run_json(*arguments: object) -> Any:
        result = run(*arguments, "--json")
        assert result.exit_code == 0, result.stderr
        return json.loads(result.stdout)

    return run_json


@pytest.fixture
def run_process() -> RunProcess:
    """Run a command as a process of its own."""

    def run_process(*arguments: object, **options: Any) -> subprocess.CompletedProcess[str]:
        environment = {**os.environ, **options.pop("env", {})}
        return subprocess.run(
            [*COMMAND, *map(str, arguments)],
            capture_output=True,
            text=True,
            encoding="utf-8",
            env=environment,
            check=False,
            timeout=240,
            **options,
        )

    return run_process


@pytest.fixture
def run_terminal(require: Callable[[object, str], None]) -> RunTerminal:
    """Run a command in a terminal of 80 columns; gives its exit code, what it showed there, and its piped stdout."""
    require(os.name == "posix", "pseudo-terminals are a POSIX thing")
    import fcntl
    import pty
    import struct
    import termios

    def run_terminal(*arguments: object, pipe_stdout: bool = False) -> tuple[int, str, str]:
        ours, theirs = pty.openpty()
        fcntl.ioctl(theirs, termios.TIOCSWINSZ, struct.pack("HHHH", 24, 80, 0, 0))
        shown = bytearray()

        def listen() -> None:
            with contextlib.suppress(OSError):  # Linux: the other side has been closed
                while data := os.read(ours, 65536):
                    shown.extend(data)

        listener = threading.Thread(target=listen)
        listener.start()
        process = subprocess.Popen(
            [*COMMAND, *map(str, arguments)],
            stdout=subprocess.PIPE if pipe_stdout else theirs,
            stderr=theirs,
            text=True,
            env={**os.environ, "TERM": "xterm"},
        )
        os.close(theirs)
        stdout, _ = process.communicate(timeout=240)
        listener.join()
        os.close(ours)
        return process.returncode, shown.decode(), stdout or ""

    return run_terminal


@pytest.fixture
def twelve_photos(demo_photos: Path, tmp_path: Path) -> Path:
    """A folder of one's own with twelve of the demo photos, named `0.webp` to `11.webp`."""
    folder = tmp_path / "twelve"
    folder.mkdir()
    for number, photo in enumerate(sorted(demo_photos.rglob("*.webp"))[::12][:12]):
        shutil.copy(photo, folder / f"{number}.webp")
    return folder


@pytest.fixture(scope="session")
def many_photos(demo_photos: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The demo photos three times: as they are, with other bytes, and as copies under other names."""
    folder = tmp_path_factory.mktemp("many")
    for copy in range(3):
        for number, photo in enumerate(sorted(demo_photos.rglob("*.webp"))):
            target = folder / f"{copy}" / f"{number:03}.webp"
            target.parent.mkdir(exist_ok=True)
            target.write_bytes(photo.read_bytes() + bytes(copy % 2))
    return folder
