"""`lookalike tag`, `tags`, `machine-tags`, `teach` and `evaluate`."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest

import lookalike

GOLDEN = Path(__file__).parents[1] / "collection" / "golden" / "version-3"


@pytest.fixture
def small(tmp_path: Path) -> Path:
    return Path(shutil.copytree(GOLDEN, tmp_path / "small.lookalike"))


@pytest.fixture
def demo(demo_collection: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(demo_collection, tmp_path / "demo.lookalike"))


def test_tags_are_given_told_and_taken_off(run, run_json, small) -> None:
    told = run("tag", 4, "Old Pier", "dopplr:eat=Oslo", "-c", small)
    assert told.exit_code == 0
    assert told.stdout.splitlines()[0] == "Old Pier\tuser"
    assert "dopplr:eat=Oslo\tuser" in told.stdout.splitlines()
    assert {"tag": "oldpier", "raw": "Old Pier", "photos": 1} in run_json("tags", "old", "-c", small)["tags"]
    assert run("tag", 4, "old-pier", "--remove", "-c", small).exit_code == 0
    told = run_json("tag", 4, "-c", small)
    assert told["photo"] == 4
    assert "oldpier" not in [tag["tag"] for tag in told["tags"]]


def test_several_photos_are_tagged_and_a_change_is_undone_by_what_it_printed(run, run_json, small, tmp_path) -> None:
    before = [run_json("tag", photo, "-c", small) for photo in (4, 5)]
    changed = run_json("tag", 4, "Old Pier", "dopplr:eat=Oslo", "--also", 5, "-c", small)
    assert (changed["photo"], changed["changed"]) == (4, 2)
    assert "oldpier" in [tag["tag"] for tag in run_json("tag", 5, "-c", small)["tags"]]
    (tmp_path / "change.json").write_text(json.dumps(changed))
    undone = run_json("tags", "--undo", tmp_path / "change.json", "-c", small)
    assert undone["changed"] == 2
    assert [run_json("tag", photo, "-c", small) for photo in (4, 5)] == before
    (tmp_path / "again.json").write_text(json.dumps(undone["undo"]))
    assert "2 photos as before" in run("tags", "--undo", tmp_path / "again.json", "-c", small).stderr
    assert "oldpier" in [tag["tag"] for tag in run_json("tag", 5, "-c", small)["tags"]]


def test_a_renamed_tag_is_parted_again(run, run_json, small, tmp_path) -> None:
    renamed = run_json("tags", "--rename", "barn door", "Gate", "-c", small)
    assert renamed["renamed"] == 2
    (tmp_path / "change.json").write_text(json.dumps(renamed))
    assert run("tags", "--undo", tmp_path / "change.json", "-c", small).exit_code == 0
    assert run("tags", "barn", "-c", small).stdout == "2\tBarn Door\n"


def test_what_was_rejected_is_told(run, run_json, small) -> None:
    assert "flatnonsense\trejected" in run("tag", 3, "-c", small).stdout.splitlines()
    assert run_json("tag", 3, "-c", small)["rejected"] == ["barndoor", "flatnonsense"]


@pytest.mark.parametrize(
    "said", ["", "{", "[]", "7", '{"restore": 7}', '{"restore": [{"tag": 7, "photo_ids": [1], "raw": null}]}']
)
def test_what_undoes_nothing_is_told(run, small, tmp_path, said) -> None:
    (tmp_path / "change.json").write_text(said)
    result = run("tags", "--undo", tmp_path / "change.json", "-c", small)
    assert result.exit_code == 1
    assert "--json > change.json" in " ".join(result.stderr.split())
    assert run("tags", "--undo", tmp_path / "nothing.json", "-c", small).exit_code == 1


def test_photos_near_a_tag_are_listed(run, run_json, small) -> None:
    photos = run_json("tags", "--photos", "Barn Door", "--limit", 3, "-c", small)["photos"]
    assert {each["id"] for each in photos if each["carries"]} == {1, 2}
    lines = run("tags", "--photos", "barn-door", "--limit", 3, "-c", small).stdout.splitlines()
    assert len(lines) == 3
    assert lines[0].endswith("\thas it")


def test_a_query_is_completed(run, run_json, small) -> None:
    assert run("complete", "title barnd", "--limit", 1, "-c", small).stdout == 'title tag:"Barn Door"\ttag\t2\n'
    (first,) = run_json("complete", "bran do", "--limit", 1, "-c", small)["suggestions"]
    assert (first["kind"], first["n_edits"]) in [("tag", 1), ("tag", 2), ("word", 0), ("word", 1)]


def test_the_counts_of_tags_are_columns(run, small) -> None:
    assert run("tags", "-c", small).stdout.splitlines()[:2] == ["6\tFlat Colour", "2\tBarn Door"]
    assert run("tags", "--rename", "barn door", "Gate", "-c", small).stdout == "2\tGate\n"
    assert run("tags", "ga", "-c", small).stdout == "2\tGate\n"


def test_machine_tags_are_listed(run, run_json, small) -> None:
    assert "6\tgeo" in run("machine-tags", "-c", small).stdout.splitlines()
    assert run("machine-tags", "*:*=sanfrancisco", "-c", small).stdout == "1\tdopplr:eat\n"
    assert run("machine-tags", "dopplr:eat=", "-c", small).stdout == "1\tSan Francisco\n"
    listed = run_json("machine-tags", "dopplr:*=", "--since", "2026", "-c", small)
    assert listed["list"] == "predicates"
    assert (listed["machine_tags"][0]["predicate"], listed["machine_tags"][0]["photos"]) == ("eat", 1)
    assert run_json("machine-tags", "--since", "2999-01", "-c", small)["machine_tags"] == []


@pytest.mark.parametrize(
    ("arguments", "code", "said"),
    [
        (("tag", "99", "x"), 1, "no photo with the id 99"),
        (("tag", "1", "x", "--suggest"), 2, "find the tags themselves"),
        (("tag", "1", "--remove"), 2, "name the tags"),
        (("tag", "1", "x", "--remove", "--reject"), 2, "one of"),
        (("tags", "x", "--similar", "y"), 2, "one of"),
        (("tags", "--photos", "x", "--similar", "y"), 2, "one of"),
        (("tags", "--photos", "nothing"), 1, "No photo has the tag"),
        (("tag", "1", "--also", "2"), 2, "--also"),
        (("tag", "1", "x", "--also", "99"), 1, "no photo with the id 99"),
        (("tags", "--similar", "nothing"), 1, "No photo has the tag"),
        (("tags", "--limit", 10**20), 2, "--limit"),
        (("tags", "--photos", "x", "--limit", 10**20), 2, "--limit"),
        (("machine-tags", "--limit", 10**20), 2, "--limit"),
        (("evaluate", "tags", "--yes", "x"), 2, "--yes and --no are for scores"),
        (("evaluate", "nsfw", "-k", "3"), 2, "-k and --rounds are for tags"),
        (
            ("evaluate", "patterns", "--yes", "barn door", "--no", "barn door"),
            1,
            "both as being it and as not being it",
        ),
        (("teach", "x", "--tagged", "barn door"), 1, "of 'x': 2; it takes 5 or more"),
        (("teach", "x", "--tagged", "barn door", "--tagged", "nothing"), 1, "No photo has the tag 'nothing'"),
        (("machine-tags", "geo"), 1, "no pattern"),
        (("machine-tags", "--since", "yesterday"), 1, "2019-06-30"),
        (("teach", "x", "1", "2"), 1, "it takes 5 or more"),
        (("teach", "--forget"), 2, "name the filter"),
        (("teach", "nothing", "--forget"), 1, "No filter 'nothing' was taught"),
        (("teach", "nothing"), 1, "No filter 'nothing' was taught"),
        (("evaluate", "nothing"), 1, "There is no style 'nothing'"),
        (("evaluate", "sharpnes"), 1, "and measures: nsfw, quality, sharpness"),
        (("tags", "zzz"), 0, "No tag begins with “zzz”."),
        (("machine-tags", "zzz:*="), 0, "There are no such machine tags."),
        (("evaluate", "nsfw"), 1, "nsfw:is=yes"),
        (("evaluate", "tags"), 1, "at least 10"),
    ],
)
def test_what_is_wrong_is_told(run, small, arguments, code, said) -> None:
    result = run(*arguments, "-c", small)
    assert result.exit_code == code
    assert said in " ".join(result.stderr.replace("│", " ").split())


def test_the_number_of_tags_that_were_taken_off_is_told(run, small) -> None:
    assert run("tag", 4, "nothing", "--remove", "-c", small).stderr == "It had none of 1 tag.\n"


def test_machine_tags_are_written_alike_everywhere(run, small) -> None:
    assert run("tag", 4, 'exif:model="NIKON  EOS ""5D""*"', "-c", small).exit_code == 0
    told = [line.partition("\t")[0] for line in run("tag", 4, "-c", small).stdout.splitlines()]
    assert 'exif:model="NIKON  EOS ""5D""*"' in told
    assert 'exif:model="NIKON  EOS ""5D""*"' in run("info", 4, "-c", small).stdout


def test_a_list_is_as_long_as_there_is_something(run, small) -> None:
    for arguments in (("tags",), ("tags", "--photos", "barn door"), ("tags", "--similar", "barn door")):
        assert run(*arguments, "--limit", 2**31 - 1, "-c", small).exit_code == 0


def test_few_marks_tell_no_error_and_measures_beyond_1_have_thresholds_of_their_own(run, run_json, demo) -> None:
    with lookalike.Collection.open(demo, create=False) as photos:
        ids, scores = photos.scores_of("noise")
        photos.tag(ids[:2].tolist(), "loud")
        photos.tag(ids[2:9].tolist(), "quiet")
    asked = ("evaluate", "noise", "--yes", "loud", "--no", "quiet", "-c", demo)
    found = run_json(*asked)
    assert found["standard_error"] is None
    thresholds = [row["threshold"] for row in found["thresholds"]]
    assert scores[:9].min() <= thresholds[0] < thresholds[-1] <= scores[:9].max()
    told = run(*asked).stdout
    assert "(too few to tell its error)" in told
    assert "±" not in told


def test_taught_filters_are_listed_and_forgotten(run, run_json, small) -> None:
    assert run("teach", "-c", small).stdout.startswith("Reddish\tfrom 5 examples\t")
    assert run_json("teach", "reddish", "-c", small)["n_examples"] == 5
    assert run("teach", "reddish", "--forget", "-c", small).exit_code == 0
    assert run_json("teach", "-c", small) == {"filters": []}


def test_suggestions_are_told_accepted_and_rejected(run, run_json, demo) -> None:
    suggested = run_json("tag", 1, "--suggest", "-k", 5, "-c", demo)["suggestions"]
    assert len(suggested) == 5
    assert run("tag", 1, suggested[0]["raw"], "--reject", "-c", demo).exit_code == 0
    second = suggested[1]["score"] - 1e-3
    before = run_json("tag", 1, "-c", demo)
    said = run_json("tag", 1, "--accept", min(second, 0.01), "-k", 2, "-c", demo)
    accepted = said["suggestions"]
    assert suggested[0]["tag"] not in [each["tag"] for each in accepted]
    assert {each["tag"] for each in accepted} <= {tag["tag"] for tag in run_json("tag", 1, "-c", demo)["tags"]}
    assert (len(accepted), said["changed"]) == (2, 1)
    (demo / "change.json").write_text(json.dumps(said))
    assert run("tags", "--undo", demo / "change.json", "-c", demo).exit_code == 0
    assert run_json("tag", 1, "-c", demo) == before
    assert len(run_json("tag", 1, "--accept", 0, "-c", demo)["suggestions"]) > 10
    assert run_json("tag", 1, "--accept", 1, "-c", demo)["changed"] == 0
    assert len(run("tags", "--similar", "korean", "--limit", 3, "-c", demo).stdout.splitlines()) == 3


def test_a_taught_filter_is_found_and_evaluated(run, run_json, demo) -> None:
    with lookalike.Collection.open(demo, create=False) as photos:
        named = {record.id: Path(record.path).parent.name for record in photos.photos_after(0, 1000)}
    pots = [photo for photo, name in named.items() if name == "nmk-ancient-pottery-collection"]
    others = [photo for photo in named if photo not in pots]
    told = run_json("teach", "pots", *pots[:5], "--not", others[0], "--not", others[50], "-c", demo)
    assert (told["name"], told["n_examples"], told["n_negatives"]) == ("pots", 5, 2)
    with lookalike.Collection.open(demo, create=False) as photos:
        assert photos.search("style:pots")[0].id in pots
        photos.tag(pots[5:], "pots:is=yes")
        photos.tag(others[1:40], "pots:is=no")
    assert run_json("evaluate", "pots", "-c", demo)["area"] > 0.8
    table = run("evaluate", "pots", "-c", demo).stdout
    assert "Area under the ROC curve" in table
    assert run_json("teach", "all pots", "--tagged", "pots:is=yes", "-c", demo)["n_examples"] == len(pots) - 5


def test_suggestions_are_evaluated(run, run_json, demo) -> None:
    told = run_json("evaluate", "tags", "-k", 3, "-c", demo)
    assert told["k"] == 3
    assert told["rankings"]["space+votes"]["ndcg"]["mean"] > told["rankings"]["popularity"]["ndcg"]["mean"]
    assert "nDCG@3" in run("evaluate", "tags", "-k", 3, "-c", demo).stdout
