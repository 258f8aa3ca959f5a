"""Stopped or killed at any point, `lookalike add` keeps what was done, and the next one brings in the rest."""

import hashlib
import json
import os
import random
import signal
import subprocess
import sys
import time
import uuid
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

import numpy as np
import pytest

import lookalike

pytestmark = pytest.mark.skipif(os.name == "nt", reason="POSIX signals")
PATIENCE_SECONDS = 120


def wait_until(condition: Callable[[], bool], what: str) -> None:
    deadline = time.monotonic() + PATIENCE_SECONDS
    while not condition():
        assert time.monotonic() < deadline, f"{what} did not come to pass"
        time.sleep(0.02)


class Adding:
    """An `add` in a process of its own, which can be signalled once it has stored so many files."""

    def __init__(self, folders: Sequence[Path], collection: Path) -> None:
        self.mark = uuid.uuid4().hex
        self.collection = collection
        self.process = subprocess.Popen(
            [sys.executable, "-m", "lookalike", "add", *map(str, folders), "-c", str(collection), "--json"],
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            env={**os.environ, "LOOKALIKE_TEST_MARK": self.mark},
        )

    def n_files(self) -> int:
        if not (self.collection / "collection.json").exists():
            return 0
        with lookalike.Collection.open(self.collection, create=False) as photos:
            return photos.n_files()

    def signal_at(self, n_files: int, number: int) -> None:
        wait_until(lambda: self.process.poll() is not None or self.n_files() >= n_files, f"{n_files} files")
        self.process.send_signal(number)

    def end(self) -> tuple[int, str, str]:
        stdout, stderr = self.process.communicate(timeout=PATIENCE_SECONDS)
        return self.process.returncode, stdout, stderr

    def processes(self) -> list[str]:
        """Processes that this `add` started and that still run, by their environment."""
        found = []
        for process in Path("/proc").glob("[0-9]*"):
            try:
                if self.mark.encode() in (process / "environ").read_bytes():
                    found.append(process.name)
            except OSError:
                continue
        return found


@pytest.fixture
def adding(tmp_path: Path) -> Iterator[Callable[..., Adding]]:
    started: list[Adding] = []

    def start(*folders: Path) -> Adding:
        started.append(Adding(folders, tmp_path / "photos.lookalike"))
        return started[-1]

    yield start
    for one in started:
        one.process.kill()
        one.process.communicate()


def assert_whole(collection: Path, folders: Sequence[Path]) -> None:
    """Every file is there under its one content, every content once, each with its embedding and thumbnail."""
    contents: dict[str, set[str]] = {}
    for file in (file for folder in folders for file in folder.rglob("*.webp")):
        contents.setdefault(hashlib.sha256(file.read_bytes()).hexdigest(), set()).add(str(file))
    with lookalike.Collection.open(collection, create=False) as photos:
        records = photos.photos_after(0, 10_000)
        assert {record.sha256: set(photos.paths(record.id)) for record in records} == contents
        assert len(records) == len(photos) == len(contents)
        assert photos.failures() == []
        lengths = np.linalg.norm(photos.embeddings([record.id for record in records]), axis=1)
        np.testing.assert_allclose(lengths, 1, atol=1e-3)
        assert all(photos.thumbnails.path(record.sha256).exists() for record in records)


def test_killed_at_any_point_every_photo_is_there_once_and_none_is_lost(adding, many_photos, tmp_path, require) -> None:
    require(Path("/proc/self/environ").exists(), "needs /proc to see whether a worker is left over")
    collection = tmp_path / "photos.lookalike"
    n_files = sum(1 for _ in many_photos.rglob("*.webp"))
    seed = random.randrange(10_000)
    print(f"seed {seed}")  # noqa: T201  shown when the test fails
    points = sorted(random.Random(seed).sample(range(1, n_files - 100), 3))
    stored = 0
    for point in [0, *points]:
        one = adding(many_photos)
        one.signal_at(point, signal.SIGKILL)
        code, _, _ = one.end()
        assert code == -signal.SIGKILL
        wait_until(lambda one=one: not one.processes(), "the end of the workers of a killed add")
        assert one.n_files() >= max(stored, point)
        stored = one.n_files()
    assert 0 < stored < n_files

    code, stdout, stderr = adding(many_photos).end()
    assert code == 0, stderr
    printed = json.loads(stdout)
    assert (printed["failed"], printed["gone"], printed["unchanged"]) == (0, 0, stored)
    assert printed["done"] == n_files - stored
    assert_whole(collection, [many_photos])


def test_ctrl_c_stops_calmly_and_the_same_command_goes_on_from_there(adding, many_photos, tmp_path, require) -> None:
    require(Path("/proc/self/environ").exists(), "needs /proc to see whether a worker is left over")
    folders = [many_photos / "0", many_photos / "1"]
    one = adding(*folders)
    one.signal_at(20, signal.SIGINT)
    code, stdout, stderr = one.end()
    assert code == 130
    assert "Traceback" not in stderr
    assert "the same command goes on from there" in stderr
    printed = json.loads(stdout)
    assert printed["state"] == "stopped"
    stored = one.n_files()
    assert printed["done"] == stored
    assert one.processes() == []

    code, stdout, _ = adding(*folders).end()
    assert code == 0
    assert json.loads(stdout)["unchanged"] == stored
    assert_whole(tmp_path / "photos.lookalike", folders)


def test_ctrl_c_before_anything_is_read_leaves_nothing_half_done(adding, many_photos, tmp_path) -> None:
    one = adding(many_photos)
    wait_until(lambda: (tmp_path / "photos.lookalike" / "collection.json").exists(), "the collection")
    one.process.send_signal(signal.SIGINT)
    code, _, stderr = one.end()
    assert code == 130
    assert "Traceback" not in stderr
    with lookalike.Collection.open(tmp_path / "photos.lookalike", create=False) as photos:
        assert photos.n_failures() == 0


def test_two_adds_at_once_are_told_apart(adding, run, many_photos, tmp_path) -> None:
    one = adding(many_photos)
    wait_until(lambda: one.n_files() > 0, "the first photos")
    result = run("add", many_photos, "-c", tmp_path / "photos.lookalike")
    assert result.exit_code == 1
    assert f"process {one.process.pid}" in result.stderr.replace("\n", " ")
    one.process.send_signal(signal.SIGINT)
    one.end()
