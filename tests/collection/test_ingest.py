"""Adding folders: every photo once, only what changed is worked on, nothing stops the run."""

from __future__ import annotations

import json
import os
import shutil
import sqlite3
import subprocess
import sys
import textwrap
import threading
import time
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

import lookalike
from lookalike.collection.ingest import AddProgress
from lookalike.errors import CollectionLockedError, InvalidArgumentError
from lookalike.index.live.lock import writer_lock
from lookalike.photos import PhotoLimits


@pytest.fixture
def folder(demo_photos: Path, tmp_path: Path) -> Path:
    """A folder of its own with ten demo photos, and a damaged one."""
    folder = tmp_path / "photos"
    (folder / "deep").mkdir(parents=True)
    for number, path in enumerate(sorted(demo_photos.rglob("*.webp"))[::16]):
        shutil.copy(path, folder / ("deep" if number % 2 else "") / path.name)
    (folder / "broken.jpg").write_bytes(b"\xff\xd8\xff\xe0 no photo at all")
    return folder


def counts(progress: AddProgress) -> dict[str, int]:
    names = ("added", "updated", "unchanged", "moved", "gone", "failed")
    return {name: getattr(progress, name) for name in names if getattr(progress, name)}


def test_adding_again_reads_only_what_is_new_changed_or_moved(folder: Path, tmp_path: Path) -> None:
    with lookalike.Collection.open(tmp_path / "c.lookalike") as photos:
        first = photos.add(folder)
        assert counts(first) == {"added": 10, "failed": 1}
        assert first.state == "done"
        assert [Path(path).name for path, _ in photos.failures()] == ["broken.jpg"]

        second = photos.add(folder)
        assert counts(second) == {"unchanged": 11}
        assert second.total == 0

        webp = sorted(folder.glob("*.webp"))
        ids = {path.name: photos.find(path) for path in webp}
        webp[0].rename(folder / "deep" / "renamed.webp")
        shutil.copy(webp[1], folder / "copy.webp")
        Image.effect_mandelbrot((400, 300), (-2, -1, 1, 1), 50).convert("RGB").save(webp[2], "webp")
        webp[3].unlink()
        third = photos.add(folder)
        assert counts(third) == {"updated": 1, "moved": 2, "unchanged": 8, "gone": 2}
        assert len(photos) == 9
        assert photos.find(folder / "deep" / "renamed.webp") == ids[webp[0].name]
        assert photos.paths(photos.find(webp[1]) or 0) == sorted([str(webp[1]), str(folder / "copy.webp")])
        assert photos.find(webp[2]) != ids[webp[2].name]


def test_a_folder_that_was_moved_leaves_no_paths_behind(folder: Path, tmp_path: Path) -> None:
    kept = tmp_path / "kept.webp"
    shutil.copy(min(folder.glob("*.webp")), kept)
    with lookalike.Collection.open(tmp_path / "c.lookalike") as photos:
        photos.add(folder, kept)
        ids = photos.ids().tolist()
        for photo_id in ids:
            photos.tag(photo_id, "mine")
        moved = folder.rename(tmp_path / "moved")
        assert counts(photos.add(moved)) == {"moved": 10, "gone": 10, "failed": 1}
        assert photos.ids().tolist() == ids
        paths = [path for photo_id in ids for path in photos.paths(photo_id)]
        assert len(paths) == 11
        assert str(kept) in paths
        assert all(Path(path).exists() for path in paths)
        assert photos.tag_counts("mine")[0].n_photos == len(ids)


def test_what_an_earlier_recipe_saw_is_seen_anew_by_the_next_add(folder: Path, tmp_path: Path) -> None:
    with lookalike.Collection.open(tmp_path / "c.lookalike") as photos:
        photos.add(folder / "deep")
        ids = photos.ids().tolist()
        photos.tag(ids[0], "kept")
        known, vectors = [photos.seen(id_) for id_ in ids], photos.raw_embeddings(ids)
    with closing(sqlite3.connect(tmp_path / "c.lookalike" / "catalog.sqlite")) as db:
        db.execute("UPDATE seen SET recipe = '1', measures = zeroblob(length(measures))")
        db.commit()
    with lookalike.Collection.open(tmp_path / "c.lookalike") as photos:
        assert {photos.seen(id_).measures["minimalist"] for id_ in ids} == {0}, "until then it counts"
        before = [hit.score for hit in photos.search("style:minimalist")]
        assert counts(photos.add(folder / "deep")) == {"updated": 5}
        assert [photos.seen(id_) for id_ in ids] == known
        np.testing.assert_array_equal(photos.raw_embeddings(ids), vectors)
        assert [hit.score for hit in photos.search("style:minimalist")] != before, "searches know of it"
        assert counts(photos.add(folder / "deep")) == {"unchanged": 5}
    assert lookalike.Collection.verify(tmp_path / "c.lookalike").is_clean


def test_photos_of_a_folder_that_went_away_return_with_it(
    folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("lookalike.collection.ingest._AT_A_TIME", 3)
    with lookalike.Collection.open(tmp_path / "c.lookalike") as photos:
        photos.add(folder)
        away = tmp_path / "away"
        away.mkdir()
        for path in folder.rglob("*.webp"):
            shutil.move(path, away / path.name)
        assert counts(photos.add(folder))["gone"] == 10
        assert len(photos) == 0
        with pytest.raises(InvalidArgumentError, match="does not exist"):
            photos.add(tmp_path / "never")
        with pytest.raises(InvalidArgumentError, match="A path is empty"):
            photos.add(folder, "")
        with pytest.raises(InvalidArgumentError, match="cannot be read: "):
            photos.add(tmp_path / ("x" * 300))
        shutil.rmtree(folder / "deep")
        for path in away.iterdir():
            shutil.move(path, folder / path.name)
        photos.add(folder)
        assert len(photos) == 10
        assert photos.search(photo=1, k=20).stats.n_photos == 10
    assert lookalike.Collection.verify(tmp_path / "c.lookalike").is_clean


def test_a_photo_in_whose_place_there_is_no_file_is_gone(folder: Path, tmp_path: Path) -> None:
    with lookalike.Collection.open(tmp_path / "c.lookalike", nsfw=False) as photos:
        photos.add(folder)
        first, second, third = sorted(folder.rglob("*.webp"))[:3]
        for path in (first, second, third):
            path.unlink()
        first.mkdir()
        second.symlink_to(tmp_path / "nowhere")
        third.symlink_to(tmp_path)
        assert counts(photos.add(folder / "broken.jpg")) == {"unchanged": 1}
        assert counts(photos.add(folder)) == {"unchanged": 8, "gone": 3}


def test_time_stamps_that_no_photo_can_have_stop_nothing(folder: Path, tmp_path: Path) -> None:
    first, second, *_ = sorted(folder.rglob("*.webp"))
    first.with_suffix(".webp.xmp").write_text("no sidecar")
    seconds = 13_569_465_600  # 2400-01-01
    try:
        for path in (first, first.with_suffix(".webp.xmp")):
            os.utime(path, (seconds, seconds))
        os.utime(second, (-seconds, -seconds))
    except OSError:
        pytest.skip("the disk has no such times")
    with lookalike.Collection.open(tmp_path / "c.lookalike", nsfw=False) as photos:
        assert counts(photos.add(folder)) == {"added": 10, "failed": 1}
        assert counts(photos.add(folder)) == {"unchanged": 11}


def test_what_may_not_be_read_for_a_while_stays_and_is_told(
    folder: Path, tmp_path: Path, require: Callable[[object, str], None]
) -> None:
    with lookalike.Collection.open(tmp_path / "c.lookalike", nsfw=False) as photos:
        photos.add(folder)
    for mode, n_told in ((0o000, 1), (0o444, 5)):  # not to be listed; listed, but its files not to be looked at
        (folder / "deep").chmod(mode)
        try:
            printed = _add_without_privileges(folder, tmp_path / "c.lookalike", require)
        finally:
            (folder / "deep").chmod(0o755)
        assert (printed["photos"], printed["gone"], printed["failed"]) == (10, 0, n_told)
        told = [failure for failure in printed["failures"] if Path(failure["path"]).name != "broken.jpg"]
        assert len(told) == n_told
        assert all("cannot be read: Permission denied." in failure["reason"] for failure in told)
        assert lookalike.Collection.verify(tmp_path / "c.lookalike").is_clean
    with lookalike.Collection.open(tmp_path / "c.lookalike") as photos:
        assert counts(photos.add(folder)) == {"unchanged": 6, "updated": 5}
        assert len(photos.failures()) == 1


def _add_without_privileges(folder: Path, collection: Path, require: Callable[[object, str], None]) -> dict[str, Any]:
    """Add a folder in a process that may not read everything, also where the tests are run by root."""
    as_other = ["setpriv", "--bounding-set=-dac_override,-dac_read_search"] if os.geteuid() == 0 else []
    require(not as_other or shutil.which("setpriv"), "root needs setpriv to give up what root may do")
    command = [*as_other, sys.executable, "-m", "lookalike", "add", str(folder), "-c", str(collection), "--json"]
    printed: dict[str, Any] = json.loads(subprocess.run(command, capture_output=True, check=True).stdout)
    return printed


def test_a_sidecar_that_changes_changes_the_facts_alone(folder: Path, tmp_path: Path) -> None:
    path = sorted(folder.glob("*.webp"))[0]
    with lookalike.Collection.open(tmp_path / "c.lookalike") as photos:
        photos.add(folder)
        photo_id = photos.find(path)
        assert photo_id is not None
        before = photos.embeddings([photo_id])
        path.with_name(path.name + ".xmp").write_text(
            textwrap.dedent("""\
            <x:xmpmeta xmlns:x="adobe:ns:meta/"><rdf:RDF xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#">
            <rdf:Description xmlns:dc="http://purl.org/dc/elements/1.1/"><dc:title><rdf:Alt>
            <rdf:li xml:lang="x-default">A quite unusual title</rdf:li></rdf:Alt></dc:title></rdf:Description>
            </rdf:RDF></x:xmpmeta>""")
        )
        assert counts(photos.add(folder)) == {"updated": 1, "unchanged": 10}
        assert photos.find(path) == photo_id
        assert photos.photo(photo_id).title == "A quite unusual title"
        assert [hit.id for hit in photos.search(words="unusual")] == [photo_id]
        np.testing.assert_array_equal(photos.embeddings([photo_id]), before)


def test_failed_files_are_read_again_when_asked(folder: Path, tmp_path: Path) -> None:
    with lookalike.Collection.open(tmp_path / "c.lookalike") as photos:
        photos.add(folder)
        again = photos.add(folder, retry_failed=True)
        assert (again.total, again.failed) == (1, 1)


def test_a_photo_that_takes_too_long_costs_only_itself(folder: Path, tmp_path: Path) -> None:
    slow = folder / "slow.png"
    Image.effect_noise((5000, 5000), 90).convert("RGB").save(slow, compress_level=0)
    with lookalike.Collection.open(tmp_path / "c.lookalike") as photos:
        photos.add(folder / "deep")
        done = photos.add(folder, limits=PhotoLimits(max_seconds=0.001))
        assert done.added == 0
        assert all("longer than" in reason for path, reason in photos.failures() if path.endswith("slow.png"))
        done = photos.add(folder, retry_failed=True)
        assert (done.added, done.failed) == (6, 1)


def test_adding_stops_when_told_and_goes_on_later(folder: Path, tmp_path: Path) -> None:
    stop = threading.Event()

    def stop_at_once(progress: AddProgress) -> None:
        if progress.done:
            stop.set()

    with lookalike.Collection.open(tmp_path / "c.lookalike") as photos:
        stopped = photos.add(folder, progress=stop_at_once, stop=stop, n_workers=1)
        assert stopped.state == "stopped"
        assert 0 < stopped.done < stopped.total
        assert photos.add(folder).state == "done"
        assert len(photos) == 10


@pytest.mark.parametrize("n_workers", [0, -1, 1.5, "2"])
def test_workers_that_cannot_be_are_refused(folder: Path, tmp_path: Path, n_workers: int) -> None:
    with lookalike.Collection.open(tmp_path / "c.lookalike") as photos:
        with pytest.raises(InvalidArgumentError, match=r"`n_workers` is .* expected an integer from 1 on"):
            photos.add(folder, n_workers=n_workers)
        assert len(photos) == 0


def test_a_reason_outside_the_file_is_tried_again(folder: Path, tmp_path: Path) -> None:
    empty_svg = folder / "drawing.jpg"
    empty_svg.write_text("<svg xmlns='http://www.w3.org/2000/svg'/>")
    with lookalike.Collection.open(tmp_path / "c.lookalike") as photos:
        assert photos.add(folder).failed == 2
        again = photos.add(folder)
        assert (again.total, again.failed, again.unchanged) == (1, 1, 11)


def test_what_lies_in_the_current_directory_is_not_imported(
    folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (folder / "numpy.py").write_text("raise SystemExit('imported')")
    monkeypatch.chdir(folder)
    with lookalike.Collection.open(tmp_path / "c.lookalike") as photos:
        assert photos.add(".").added == 10


def test_a_collection_among_the_photos_does_not_add_itself(folder: Path) -> None:
    with lookalike.Collection.open(folder / "mine") as photos:
        photos.add(folder)
        assert photos.add(folder).total == 0
        assert len(photos) == 10


def test_more_workers_give_the_same_embeddings(folder: Path, tmp_path: Path) -> None:
    found = []
    for n_workers in (1, 2):
        with lookalike.Collection.open(tmp_path / f"{n_workers}.lookalike") as photos:
            photos.add(folder, n_workers=n_workers)
            paths = sorted(folder.rglob("*.webp"))
            found.append(photos.embeddings([photos.find(path) or 0 for path in paths]))
    np.testing.assert_array_equal(found[0], found[1])


def test_a_name_that_is_not_utf8_is_a_clear_error(tmp_path: Path) -> None:
    root = Path(os.fsdecode(os.fsencode(tmp_path) + b"/\xff"))
    root.mkdir()
    with lookalike.Collection.open(tmp_path / "c.lookalike") as photos:
        with pytest.raises(InvalidArgumentError, match="not valid UTF-8"):
            photos.add(root)
        with pytest.raises(InvalidArgumentError, match="not valid UTF-8"):
            photos.search(photo=root)


def test_a_file_of_such_a_name_is_told_and_the_others_are_added(folder: Path, tmp_path: Path) -> None:
    shutil.copy(min(folder.glob("*.webp")), os.fsencode(folder) + b"/caf\xe9.webp")
    with lookalike.Collection.open(tmp_path / "c.lookalike") as photos:
        assert counts(photos.add(folder)) == {"added": 10, "failed": 2}
        told = dict(photos.failures())
        assert told[str(folder / "caf\ufffd.webp")] == "Its name is not valid UTF-8. Rename it."


def test_photos_can_be_searched_while_others_come(folder: Path, tmp_path: Path) -> None:
    path = tmp_path / "c.lookalike"
    seen = []
    with lookalike.Collection.open(path) as photos, lookalike.Collection.open(path) as reader:

        def look(progress: AddProgress) -> None:
            if progress.state == "running":
                ids = [photo.id for photo in reader.photos_after(0, 100)]
                seen.append(len(ids))
                for photo_id in ids[:1]:
                    assert len(reader.search(photo=photo_id, k=100)) == len(ids) - 1

        photos.add(folder, progress=look, n_workers=1)
    assert seen[0] == 0
    assert seen[-1] == 10
    assert len(set(seen)) > 2


def test_a_second_writer_is_told_who_the_first_is(folder: Path, tmp_path: Path) -> None:
    with lookalike.Collection.open(tmp_path / "c.lookalike") as photos, writer_lock(photos.path):
        with pytest.raises(CollectionLockedError, match=f"process {os.getpid()}"):
            photos.add(folder)
        assert len(photos) == 0


def test_a_script_needs_no_main_guard(folder: Path, tmp_path: Path) -> None:
    script = tmp_path / "script.py"
    script.write_text(
        f"import lookalike\n"
        f"with lookalike.Collection.open({str(tmp_path / 'c.lookalike')!r}) as photos:\n"
        f"    photos.add({str(folder)!r})\n"
        f"    print(len(photos))\n"
    )
    printed = subprocess.run([sys.executable, str(script)], capture_output=True, text=True, check=True).stdout
    assert printed == "10\n"


def test_workers_end_when_their_parent_is_killed(folder: Path, tmp_path: Path) -> None:
    code = textwrap.dedent(f"""\
        import sys, time, lookalike
        with lookalike.Collection.open({str(tmp_path / "c.lookalike")!r}) as photos:
            def wait(progress):
                if progress.done:
                    print("adding", flush=True)
                    time.sleep(60)
            photos.add({str(folder)!r}, progress=wait)
        """)
    parent = subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE, text=True)
    assert parent.stdout is not None
    assert parent.stdout.readline() == "adding\n"
    workers = _children(parent.pid)
    assert workers
    parent.kill()
    parent.wait()
    parent.stdout.close()
    for _ in range(200):
        if not any(_is_running(pid) for pid in workers):
            break
        time.sleep(0.05)
    assert not any(_is_running(pid) for pid in workers)


def _children(pid: int) -> list[int]:
    tasks = Path(f"/proc/{pid}/task")
    return [int(child) for task in tasks.iterdir() for child in (task / "children").read_text().split()]


def _is_running(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[0] != "Z"
    except OSError:
        return False


@pytest.mark.skipif(os.name == "nt", reason="POSIX limits")
def test_a_thumbnail_for_which_there_is_no_room_leaves_nothing_behind(tmp_path: Path) -> None:
    code = textwrap.dedent(f"""\
        import pathlib, resource, signal
        from lookalike.collection.thumbnails import ThumbnailStore
        signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
        resource.setrlimit(resource.RLIMIT_FSIZE, (1000, 1000))
        store = ThumbnailStore(pathlib.Path({str(tmp_path)!r}))
        store.put("ab" * 32, bytes(1000))
        try:
            store.put("cd" * 32, bytes(1001))
        except OSError as error:
            print(error.strerror)
        """)
    printed = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout
    assert printed == "File too large\n"
    assert [path.name for path in tmp_path.rglob("*.*")] == [f"{'ab' * 32}.jpg"]
