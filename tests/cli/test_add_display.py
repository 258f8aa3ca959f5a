"""What `add` shows on the way: a bar on a terminal, lines elsewhere, and an end at the second Ctrl-C."""

import json
import os
import re
import signal
import subprocess
import sys

import pytest

from lookalike.cli import add_display
from lookalike.cli.add_display import AddDisplay
from lookalike.collection import AddProgress

RUNNING = [
    AddProgress("running", total=100, total_bytes=5_000_000, unchanged=7, done=done, rate=25.0, eta_seconds=eta)
    for done, eta in ((8, 3.7), (40, 2.4), (72, 1.1), (100, 0.0))
]


def test_lines_come_now_and_then_where_there_is_no_terminal(capsys, monkeypatch) -> None:
    monkeypatch.setattr(add_display, "SECONDS_BETWEEN_LINES", 0.0)
    with AddDisplay() as display:
        display(AddProgress("counting"))
        for now in RUNNING:
            display(now)
        display(AddProgress("done", total=100, done=100, unchanged=7))
    assert capsys.readouterr().err.splitlines() == [
        "Found 107 photos; 100 to read, 5.0 MB, about 2 s.",
        "40 of 100, 25 a second, 2 s left",
        "72 of 100, 25 a second, 1 s left",
    ]


def test_ten_seconds_lie_between_two_lines(capsys) -> None:
    with AddDisplay() as display:
        for now in RUNNING:
            display(now)
    assert len(capsys.readouterr().err.splitlines()) == 1  # the estimate


def test_nothing_is_shown_where_a_program_reads(capsys) -> None:
    with AddDisplay(quiet=True) as display:
        display.say("A network is built.")
        for now in RUNNING:
            display(now)
    assert capsys.readouterr().err == ""


@pytest.mark.parametrize("arguments", [(), ("--json",)])
def test_a_bar_is_drawn_on_a_terminal_and_taken_away(run_terminal, twelve_photos, tmp_path, arguments) -> None:
    code, shown, stdout = run_terminal("add", twelve_photos, "-c", tmp_path / "c", *arguments, pipe_stdout=True)
    assert code == 0
    assert "Reading" in shown
    assert "Found 12 photos; 12 to read" in shown
    assert shown.rindex("\x1b[?25h") > shown.rindex("\x1b[?25l")  # the cursor is back
    for line in re.split(r"[\r\n]", re.sub(r"\x1b\[[?\d;]*[A-Za-z]", "", shown)):
        assert len(line) <= 80
    if arguments:
        assert json.loads(stdout)["added"] == 12
    else:
        assert "12 added" in stdout


@pytest.mark.skipif(os.name == "nt", reason="POSIX signals")
def test_the_first_ctrl_c_asks_and_the_second_ends_at_once() -> None:
    code = (
        "import os, signal, time\n"
        "from lookalike.cli.interruption import stopped_by_interrupt\n"
        "with stopped_by_interrupt() as interruption:\n"
        "    interruption.is_watched = True\n"
        "    print('ready', flush=True)\n"
        "    interruption.stop.wait()\n"
        "    print('asked', flush=True)\n"
        "    while True: time.sleep(1)\n"
    )
    process = subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE, text=True)
    assert process.stdout is not None
    with process.stdout as printed:
        for word in ("ready\n", "asked\n"):
            assert printed.readline() == word
            process.send_signal(signal.SIGINT)
    assert process.wait() == 130
