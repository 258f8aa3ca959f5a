"""A short form of `make torture`: writers that are killed at any moment, and readers beside a writer."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parent.parent.parent.parent


def torture(tmp_path: Path, *arguments: str) -> None:
    """Run it in a process of its own, which has no threads and may be forked."""
    command = [sys.executable, "-m", "tools.torture", *arguments, "--folder", str(tmp_path / "work")]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr
    assert "all was as it must be" in done.stdout


def test_what_was_acknowledged_survives_a_kill_and_what_was_under_way_is_whole_or_absent(tmp_path: Path) -> None:
    torture(tmp_path, "crash", "--kills", "16")


def test_every_answer_of_readers_is_that_of_a_state_between_the_calls_start_and_end(tmp_path: Path) -> None:
    torture(tmp_path, "readers", "--seconds", "4", "--readers", "2")
