"""verify, repair, backup, restore, compact and stats: what they say, and their exit codes."""

from __future__ import annotations

import json
import shutil
import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from lookalike.cli.compact_and_stats import _plain
from lookalike.index.live import LiveStats
from lookalike.index.live.lock import writer_lock


@pytest.fixture
def collection(demo_collection, tmp_path) -> Path:
    return Path(shutil.copytree(demo_collection, tmp_path / "c.lookalike"))


def test_a_sound_collection_is_told_to_be_well(run, demo_collection) -> None:
    result = run("verify", "-c", demo_collection)
    assert result.exit_code == 0
    assert "153 photos, 153 files, 153 embeddings, 0 index segments, 153 thumbnails." in result.stdout
    assert "All is well." in result.stdout


def test_what_is_wrong_is_told_with_code_1_and_mended(run, collection) -> None:
    next((collection / "thumbnails").rglob("*.jpg")).write_bytes(b"")
    verified = run("verify", "-c", collection)
    assert verified.exit_code == 1
    assert "1 problem." in verified.stdout
    assert "lookalike repair" in verified.stderr
    printed = run("verify", "-c", collection, "--json")
    assert (printed.exit_code, json.loads(printed.stdout)["problems"][0]["place"]) == (1, "thumbnails")
    repaired = run("repair", "-c", collection)
    assert repaired.exit_code == 0
    assert "mended: thumbnails: photo" in repaired.stdout
    assert run("verify", "-c", collection).exit_code == 0


def test_what_cannot_be_mended_ends_with_1(run, collection) -> None:
    (collection / "collection.json").write_text("{}")
    result = run("repair", "-c", collection)
    assert result.exit_code == 1
    assert "collection.json" in result.stderr
    assert run("verify", "-c", collection).exit_code == 1


def test_a_damaged_page_of_the_database_is_told_with_advice(run, collection) -> None:
    with closing(sqlite3.connect(collection / "catalog.sqlite")) as db:
        db.execute("PRAGMA wal_checkpoint (TRUNCATE)")
        (page,) = db.execute("SELECT rootpage FROM sqlite_master WHERE name = 'tags'").fetchone()
        (page_bytes,) = db.execute("PRAGMA page_size").fetchone()
    with (collection / "catalog.sqlite").open("r+b") as file:
        file.seek((page - 1) * page_bytes)
        file.write(b"no page of a table")
    for command in (["tags"], ["search", "nasa"], ["info", "5"]):
        result = run(*command, "-c", collection)
        assert result.exit_code == 1
        assert "is damaged (database disk image is malformed)" in result.stderr
        assert "lookalike restore" in result.stderr
    assert run("verify", "-c", collection).exit_code == 1


def test_a_backup_is_a_collection_and_never_written_over(run, run_json, demo_collection, tmp_path) -> None:
    copy = tmp_path / "copy"
    assert run_json("backup", copy, "-c", demo_collection)["photos"] == 153
    hits = run_json("search", "1", "-c", demo_collection)["hits"]
    assert run_json("search", "1", "-c", copy)["hits"] == hits
    again = run("backup", copy, "-c", demo_collection)
    assert again.exit_code == 1
    assert "is there already" in again.stderr
    restored = tmp_path / "restored.lookalike"
    assert "holds 153 photos" in run("restore", copy, "-c", restored).stdout
    assert run_json("search", "1", "-c", restored)["hits"] == hits
    assert run("restore", copy, "-c", restored).exit_code == 1


def test_compacting_tells_the_bytes_and_names_another_writer(run, collection) -> None:
    result = run("compact", "-c", collection)
    assert result.exit_code == 0
    assert "before" in result.stdout
    with writer_lock(collection):
        refused = run("compact", "-c", collection)
    assert refused.exit_code == 1
    assert "is being written to by process" in refused.stderr


def test_a_collection_named_from_the_home_folder_is_measured(run_json, collection, monkeypatch) -> None:
    for name in ("HOME", "USERPROFILE"):
        monkeypatch.setenv(name, str(collection.parent))
    monkeypatch.setenv("LOOKALIKE_COLLECTION", f"~/{collection.name}")
    found = run_json("compact")
    assert found["collection"] == str(collection)
    assert 0 < found["bytes_after"] <= found["bytes_before"]


def test_training_anew_is_followed_and_told(run, run_json, collection, monkeypatch) -> None:
    assert "every photo is compared, nothing to train." in run("compact", "--train", "-c", collection).stdout
    n_photos = run_json("stats", "-c", collection)["n_vectors"]
    monkeypatch.setattr("lookalike.collection.compacting.TRAIN_FROM", n_photos)
    result = run("compact", "--train", "-c", collection)
    assert f"Training a model on {n_photos} photos" in result.stderr
    assert "the index is 1 segment, trained anew." in result.stdout
    assert run_json("compact", "--train", "-c", collection)["trained"] is True
    assert run_json("compact", "-c", collection)["trained"] is False
    assert "were found after the training" in run("stats", "-c", collection).stdout


def test_stats_are_plain_words(run, run_json, demo_collection) -> None:
    text = run("stats", "--recall", "10", "-c", demo_collection).stdout
    assert "153 that can be found" in text
    assert "100.0% of the true ten nearest, in 10 searches" in text
    assert run_json("stats", "-c", demo_collection)["n_vectors"] == 153
    made = dict.fromkeys(LiveStats.__dataclass_fields__, 0)
    some = {
        "n_vectors": 10_000,
        "n_segments": 2,
        "n_rows": 9_000,
        "n_dead": 7,
        "n_merges": 1,
        "seconds": {"flush": 0, "merge": 1.5, "train": 0, "recode": 0},
        "disk_bytes": {"database": 10**6},
        "written_bytes": {"log": 10**6, "flush": 2 * 10**6, "merge": 0, "recode": 0, "models": 0},
        "model": 3,
        "model_n_vectors": 9_000,
        "drift": 1.25,
        "recall": None,
        "recall_watched": 0.87,
        "recall_after_training": 0.991,
        "asks_for_training": "recall",
        "damaged": ("segment 2: lost",),
    }
    plain = _plain(LiveStats(**{**made, **some}), 0)  # type: ignore[arg-type]
    assert plain["Index"] == "2 segments of 9,000 codes, 7 of them dead until the next merge"
    assert plain["Model"] == "trained on 9,000 photos; photos flushed lately are coded 25 % less exactly than those"
    assert plain["Watched"] == "99.1% of the true ten nearest were found after the training, 87.0% lately"
    assert plain["Training"].startswith("due, as the index finds so much less")
    assert "`lookalike compact --train`" in plain["Training"]
    assert plain["Written"] == "1.0 MB with the photos, 2.0 MB flushed"
    assert plain["Upkeep"] == "1 merge in 1.5 s"
    assert plain["Damaged"] == "segment 2: lost\nmend it: lookalike repair"


def test_no_collection_is_told(run, tmp_path) -> None:
    for command in (["verify"], ["repair"], ["stats"], ["compact"], ["backup", tmp_path / "copy"]):
        result = run(*command, "-c", tmp_path / "none")
        assert result.exit_code == 1
        assert "There is no collection at" in result.stderr
    assert run("restore", tmp_path / "none", "-c", tmp_path / "new").exit_code == 1


def test_where_no_collection_is_the_one_beside_it_is_named(run, collection) -> None:
    for command in ("info", "verify"):
        told = run(command, "-c", collection.parent / "pics.lookalike").stderr.replace("\n", " ")
        assert f"`lookalike add` makes one. Beside it lies `{collection}`." in told
    shutil.copytree(collection, collection.parent / "other.lookalike")
    assert "Beside it" not in run("info", "-c", collection.parent / "pics.lookalike").stderr
