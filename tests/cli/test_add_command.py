"""`lookalike add` works on what is new, changed, moved or gone, and says what it did."""

import json
import os
import shlex
import shutil
from pathlib import Path

import pytest

COUNTS = ("added", "updated", "moved", "gone", "unchanged", "failed")


def counts(printed: dict[str, object]) -> dict[str, object]:
    return {name: printed[name] for name in COUNTS if printed[name]}


def change(photo: Path) -> None:
    """Change the bytes of a WebP file but not its picture: decoders pass over what follows the end."""
    with photo.open("ab") as file:
        file.write(b"changed.")


@pytest.fixture
def collection(tmp_path) -> Path:
    return tmp_path / "photos.lookalike"


def test_a_folder_is_added_once_however_often_it_is_added(run_json, twelve_photos, collection) -> None:
    first = run_json("add", twelve_photos, "-c", collection)
    assert counts(first) == {"added": 12}
    assert (first["state"], first["done"], first["total"], first["photos"]) == ("done", 12, 12, 12)
    again = run_json("add", twelve_photos, "-c", collection)
    assert counts(again) == {"unchanged": 12}
    assert (again["done"], again["total"], again["photos"]) == (0, 0, 12)


def test_changed_moved_copied_gone_and_broken_are_told_apart(run, run_json, twelve_photos, collection) -> None:
    run_json("add", twelve_photos, "-c", collection)
    change(twelve_photos / "0.webp")
    (twelve_photos / "sub").mkdir()
    (twelve_photos / "1.webp").rename(twelve_photos / "sub" / "moved.webp")
    shutil.copy(twelve_photos / "2.webp", twelve_photos / "copy.webp")
    (twelve_photos / "3.webp").unlink()
    (twelve_photos / "broken.jpg").write_bytes(b"\xff\xd8\xff and no more")

    printed = run_json("add", twelve_photos, "-c", collection)

    # The old place of what was moved is gone too.
    assert counts(printed) == {"updated": 1, "moved": 2, "gone": 2, "unchanged": 9, "failed": 1}
    assert [Path(failure["path"]).name for failure in printed["failures"]] == ["broken.jpg"]
    assert printed["failures"][0]["reason"]
    assert printed["photos"] == 11
    info = run_json("info", "-c", collection)
    assert (info["photos"], info["files"], info["failures"]) == (11, 12, 1)
    copied = run_json("info", twelve_photos / "copy.webp", "-c", collection)
    assert [Path(path).name for path in copied["paths"]] == ["2.webp", "copy.webp"]


def test_a_photo_that_fails_is_listed_with_its_reason_and_stops_nothing(
    run, run_json, twelve_photos, collection
) -> None:
    broken = twelve_photos / "broken.jpg"
    broken.write_bytes(b"%PDF-1.4 Dear Sir")
    result = run("add", twelve_photos, "-c", collection)
    assert result.exit_code == 0
    assert "12 added" in result.stdout
    assert "1 could not be read" in result.stdout
    assert "broken.jpg" in result.stdout
    assert "PDF" in result.stdout

    again = run("add", twelve_photos, "-c", collection)
    assert again.exit_code == 0
    assert "1 file cannot be read in all; list: lookalike info" in again.stdout

    (listed,) = run_json("info", "--failures", "-c", collection)["failures"]
    assert listed["path"] == str(broken)
    assert "PDF" in listed["reason"]
    text = run("info", "--failures", "-c", collection).stdout
    assert str(broken) in text
    assert listed["reason"] in text
    command = f"lookalike info -c {shlex.quote(str(collection))} --failures"
    assert f"1 file: {command}" in run("info", "-c", collection).stdout
    assert f"list: {command}" in again.stdout


def test_a_failure_is_tried_again_when_asked_or_when_the_file_changes(run_json, twelve_photos, collection) -> None:
    broken = twelve_photos / "broken.webp"
    broken.write_bytes(b"RIFF....WEBP")
    assert counts(run_json("add", twelve_photos, "-c", collection)) == {"added": 12, "failed": 1}
    assert counts(run_json("add", twelve_photos, "-c", collection)) == {"unchanged": 13}
    retried = run_json("add", twelve_photos, "-c", collection, "--retry-failed")
    assert counts(retried) == {"unchanged": 12, "failed": 1}
    assert [failure["path"] for failure in retried["failures"]] == [str(broken)]
    shutil.copy(twelve_photos / "0.webp", broken)
    change(broken)
    assert counts(run_json("add", twelve_photos, "-c", collection)) == {"unchanged": 12, "added": 1}
    assert run_json("info", "-c", collection)["failures"] == 0


def test_no_more_failures_are_shown_than_fit_a_screen(run, twelve_photos, collection) -> None:
    for number in range(40):
        (twelve_photos / f"broken{number}.jpg").write_bytes(b"nothing")
    lines = run("add", twelve_photos, "-c", collection).stdout.splitlines()
    assert len(lines) < 24
    assert any("40 files cannot be read in all; list: lookalike info" in line for line in lines)


def test_an_empty_folder_is_no_error(run, tmp_path, collection) -> None:
    (tmp_path / "empty").mkdir()
    result = run("add", tmp_path / "empty", "-c", collection)
    assert result.exit_code == 0
    assert "Found no photos." in result.stderr
    assert "holds 0 photos" in result.stdout
    assert run("teach", "-c", collection).stderr == "No filter was taught yet.\n"
    assert run("tags", "-c", collection).stderr == "No photo has a tag yet.\n"
    assert run("machine-tags", "-c", collection).stderr == "No photo has a machine tag yet.\n"


def test_another_encoder_than_the_collection_s_is_refused(run, run_json, tmp_path, collection) -> None:
    (tmp_path / "empty").mkdir()
    run_json("add", tmp_path / "empty", "-c", collection, "--encoder", "efficientnet-lite2", "--precision", "int8")
    for option in (("--encoder", "efficientnet-lite0"), ("--precision", "fp32")):
        result = run("add", tmp_path / "empty", "-c", collection, *option)
        assert result.exit_code == 1
        assert "cannot be compared" in result.stderr.replace("\n", " ")


@pytest.mark.parametrize("name", ["no-such-encoder", ""])
def test_an_unknown_encoder_is_an_error_and_makes_no_collection(run, tmp_path, collection, name) -> None:
    result = run("add", tmp_path, "-c", collection, "--encoder", name)
    assert result.exit_code == 1
    assert f"There is no encoder '{name}'" in result.stderr
    assert not collection.exists()


def test_a_folder_that_is_no_collection_is_refused_and_left_alone(run, twelve_photos) -> None:
    before = sorted(twelve_photos.iterdir())
    result = run("add", twelve_photos, "-c", twelve_photos)
    assert result.exit_code == 1
    assert "is not a Lookalike collection" in result.stderr.replace("\n", " ")
    assert sorted(twelve_photos.iterdir()) == before


def test_a_collection_that_cannot_be_written_is_a_calm_error(run, tmp_path, collection) -> None:
    (tmp_path / "file").write_bytes(b"")
    result = run("add", tmp_path, "-c", tmp_path / "file" / "photos.lookalike")
    assert result.exit_code == 1
    assert result.stderr.startswith("Error: ")


def test_without_a_terminal_there_are_no_control_codes(run_process, twelve_photos, collection) -> None:
    done = run_process("add", twelve_photos, "-c", collection)
    assert done.returncode == 0
    assert "Found 12 photos; 12 to read" in done.stderr
    assert "12 added" in done.stdout
    assert "\x1b" not in done.stdout + done.stderr
    assert "\r" not in done.stdout + done.stderr


def test_json_is_all_that_is_printed_without_a_terminal(run_process, twelve_photos, collection) -> None:
    done = run_process("add", twelve_photos, "-c", collection, "--json")
    assert done.stderr == ""
    assert done.stdout.count("\n") == 1
    assert json.loads(done.stdout)["added"] == 12


def test_the_first_use_tells_that_a_network_is_built(run_process, twelve_photos, collection, tmp_path) -> None:
    empty_cache = {"LOOKALIKE_CACHE": str(tmp_path / "cache")}
    arguments = ("add", twelve_photos / "0.webp", "-c", collection, "--precision", "fp32")
    assert "efficientnet-lite2" in run_process(*arguments, env=empty_cache).stderr
    assert "efficientnet-lite2" not in run_process(*arguments, env=empty_cache).stderr


def test_a_name_that_steers_terminals_is_printed_harmlessly(run, twelve_photos, collection) -> None:
    if os.name == "nt":
        pytest.skip("Windows has no such file names")
    (twelve_photos / "a\x1b[2Jb\nc.jpg").write_bytes(b"no photo")
    for result in (run("add", twelve_photos, "-c", collection), run("info", "--failures", "-c", collection)):
        assert "\x1b" not in result.stdout + result.stderr
        assert "a\N{REPLACEMENT CHARACTER}[2Jb c.jpg" in result.stdout


def test_photos_are_judged_by_open_nsfw_unless_the_collection_is_made_without(run, run_json, twelve_photos, tmp_path):
    for number, options in enumerate(((), ("--no-nsfw",))):
        collection = tmp_path / f"{number}.lookalike"
        assert run("add", twelve_photos / "1.webp", *options, "-c", collection).exit_code == 0
        assert run_json("info", "-c", collection)["nsfw"] == (not options)
        assert (run_json("info", 1, "-c", collection)["seen"]["nsfw"] is None) == bool(options)
        assert run("add", twelve_photos / "2.webp", "-c", collection).exit_code == 0  # as it was made
    contrary = run("add", twelve_photos / "2.webp", "--no-nsfw", "-c", tmp_path / "0.lookalike")
    assert contrary.exit_code == 1
    assert "made the other way" in contrary.stderr.replace("\n", " ")


@pytest.mark.parametrize("error", [MemoryError(), RuntimeError("can't start new thread")])
def test_memory_that_runs_out_is_a_calm_error(run, twelve_photos, collection, monkeypatch, error) -> None:
    def fail(*_: object, **__: object) -> None:
        raise error

    monkeypatch.setattr("lookalike.collection.collection.add_photos", fail)
    result = run("add", twelve_photos, "-c", collection)
    assert result.exit_code == 1
    assert "is used up. What was done before is kept." in result.stderr.replace("\n", " ")
