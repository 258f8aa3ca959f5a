"""The parent's side of a worker: a photo that kills or holds up its worker costs nobody but itself."""

from __future__ import annotations

import base64
import json
import os
import signal
import subprocess
import sys
import textwrap
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from lookalike.collection.looking import Look
from lookalike.collection.seen import EMPTY, Seen
from lookalike.collection.worker import _failure, _Reader
from lookalike.collection.worker_process import WorkerProcess
from lookalike.errors import CollectionError, EncoderError
from lookalike.photos import DecodedPhoto, PhotoFacts, PhotoLimits


@pytest.fixture
def worker(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> WorkerProcess:
    """A worker process whose worker is a stand-in that crashes and hangs where a name tells it to."""
    stand_in = tmp_path / "worker"
    stand_in.write_text(
        textwrap.dedent(f"""\
        #!{sys.executable} -S
        import json, os, sys, time
        sys.stdin.readline()
        print('"ready"', flush=True)
        for line in sys.stdin:
            for name in json.loads(line):
                if name.startswith("crash"):
                    os._exit(7)
                if name == "fail":
                    os.dup2(os.open(os.devnull, os.O_WRONLY), 1)
                    time.sleep(0.2)
                    os._exit(3)
                if name.startswith("hang"):
                    time.sleep(600)
            print(json.dumps([{{"sha256": name}} for name in json.loads(line)]), flush=True)
        """)
    )
    stand_in.chmod(0o755)
    monkeypatch.setattr(sys, "executable", str(stand_in))
    return WorkerProcess({}, max_seconds=2.0)


@pytest.mark.parametrize(
    "names",
    [
        ["a", "crash", "b", "c", "d"],
        ["crash", "a", "b"],
        ["a", "b", "crash"],
        ["crash 1", "crash 2", "a", "crash 3", "b", "c", "crash 4", "d"],
        ["a", "hang", "b", "crash"],
    ],
)
def test_each_photo_is_answered_for_itself(worker: WorkerProcess, names: list[str]) -> None:
    answers = list(worker.read(names))
    worker.close()
    assert len(answers) == len(names)
    for name, answer in zip(names, answers, strict=True):
        if name.startswith("crash"):
            assert answer == {"reason": "Reading it crashed the decoder (exit status 7).", "again": True}
        elif name.startswith("hang"):
            assert answer == {"reason": "It took longer than 2 seconds to read."}
        else:
            assert answer == {"sha256": name}


def test_the_status_is_that_of_a_worker_which_ends_by_itself(worker: WorkerProcess) -> None:
    answers = list(worker.read(["fail"]))
    worker.close()
    assert answers == [{"reason": "Reading it crashed the decoder (exit status 3).", "again": True}]


def test_a_worker_that_is_killed_while_it_starts_is_told_with_advice(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    killed = tmp_path / "worker"
    killed.write_text("#!/bin/sh\nread settings\nkill -9 $$\n")
    killed.chmod(0o755)
    monkeypatch.setattr(sys, "executable", str(killed))
    worker = WorkerProcess({}, max_seconds=2.0)
    with pytest.raises(CollectionError, match=r"killed while it started.* what was added is kept"):
        list(worker.read(["a"]))
    worker.close()


def test_a_picture_that_cannot_be_encoded_leaves_the_others_of_its_line_alone() -> None:
    class Looker:
        def look(self, images: list[Image.Image], sizes: list[tuple[int, int]], steps: list[float]) -> list[Look]:
            if any(image.getpixel((0, 0)) == 1 for image in images):
                raise EncoderError("not finite")
            return [Look(np.ones(2, np.float32), EMPTY, [("boat", 0.9)]) for _ in sizes]

    reader = object.__new__(_Reader)
    reader.looker = Looker()  # type: ignore[assignment]
    good: dict[str, Any] = {}
    bad: dict[str, Any] = {}
    pictures = (Image.new("L", (1, 1), value) for value in (0, 1))
    photos = [DecodedPhoto(picture, 1, 1, "png", PhotoFacts()) for picture in pictures]
    reader._look(list(zip((good, bad), photos, strict=True)))
    assert good["embedding"] == "AACAPwAAgD8="
    assert good["labels"] == [["boat", "boat", 0.9]]
    assert Seen.from_row(*map(base64.b64decode, good["seen"])).to_row() == EMPTY.to_row()
    assert bad == _failure(EncoderError("not finite"))


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="needs POSIX")
def test_a_worker_whose_parent_is_gone_ends_though_a_photo_never_does(demo_collection: Path, tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "endless.jpg")
    settings = {
        "collection": str(demo_collection),
        "encoder": "efficientnet-lite2",
        "precision": "int8",
        "min_side": 260,
        "nsfw": False,
        "limits": asdict(PhotoLimits(max_seconds=0.1)),
    }
    asked = f"{json.dumps(settings)}\n{json.dumps([str(tmp_path / 'endless.jpg')])}\n"
    ended = subprocess.run(
        [sys.executable, "-m", "lookalike.collection.worker"],
        input=asked,
        text=True,
        stdout=subprocess.PIPE,
        timeout=60,
    )
    assert ended.stdout == '"ready"\n'
    assert ended.returncode == -signal.SIGALRM
