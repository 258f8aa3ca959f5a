"""`lookalike search` and `lookalike info` say what the library says."""

import json
import re
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

import lookalike


@pytest.fixture
def vase(demo_photos: Path) -> Path:
    return demo_photos / "met-floral-collection" / "met-436525.webp"


@pytest.fixture(scope="module")
def photos(demo_collection):
    with lookalike.Collection.open(demo_collection) as collection:
        yield collection


def expected(result) -> list[dict[str, object]]:
    return [
        {"id": hit.id, "path": hit.path, "score": hit.score, "parts": dict(hit.parts), "others": list(hit.others)}
        for hit in result
    ]


def test_a_file_of_the_collection_is_searched_with_and_not_found(run_json, photos, vase) -> None:
    printed = run_json("search", vase, "-k", 7, "-c", photos.path)
    assert printed["hits"] == expected(photos.search(photo=vase, k=7))
    assert str(vase) not in [hit["path"] for hit in printed["hits"]]
    assert set(printed) == {"query", "hits", "n_good", "stats"}
    assert printed["stats"]["n_photos"] == len(photos)


def test_a_file_from_outside_is_searched_with(run_json, photos, vase, tmp_path) -> None:
    outside = tmp_path / "smaller.jpg"
    with Image.open(vase) as image:
        image.convert("RGB").resize((200, 240)).save(outside)
    printed = run_json("search", outside, "-k", 3, "-c", photos.path)
    assert printed["hits"][0]["path"] == str(vase)


def test_a_number_is_an_id(run_json, photos, vase) -> None:
    photo_id = photos.find(vase)
    assert run_json("search", photo_id, "-c", photos.path)["hits"] == expected(photos.search(photo=photo_id))


def test_a_file_named_by_a_number_is_that_file(run_json, photos, vase, tmp_path, monkeypatch) -> None:
    monkeypatch.chdir(tmp_path)
    Path("7").write_bytes(vase.read_bytes())
    assert run_json("search", "7", "-c", photos.path)["hits"] == expected(photos.search(photo=photos.find(vase)))


def test_all_else_is_a_line_of_the_query_language(run_json, photos) -> None:
    line = "flowers -red 2:colour:teal order:quality"
    printed = run_json("search", line, "-k", 5, "-c", photos.path)
    found = photos.search(line, k=5)
    assert printed["hits"] == expected(found)
    assert printed["query"] == line
    assert printed["n_good"] == found.n_good
    assert found.n_good is not None
    assert set(printed["hits"][0]["parts"]) == {"words:flowers", "-words:red", "colour"}


def test_all_else_is_words_however_many(run_json, photos) -> None:
    for words in (["still life"], ["still", "life"]):
        printed = run_json("search", *words, "-c", photos.path)
        assert printed["hits"] == expected(photos.search(words="still life"))
        assert len(printed["hits"]) > 0


def test_words_can_be_forced_though_there_is_such_an_id_or_file(run_json, photos, tmp_path, monkeypatch) -> None:
    monkeypatch.chdir(tmp_path)
    Path("moon").write_bytes(b"no photo")
    for words in ("moon", "1885"):
        printed = run_json("search", words, "--words", "-c", photos.path)
        assert printed["hits"] == expected(photos.search(words=words))
        assert printed["stats"]["method"] == "words"


def test_a_photo_can_be_forced_though_there_is_no_such_file(run, photos) -> None:
    result = run("search", "no-such.jpg", "--photo", "-c", photos.path)
    assert (result.exit_code, result.stdout) == (1, "")
    assert "no-such.jpg" in result.stderr


def test_exact_search_is_the_library_s(run_json, photos, vase) -> None:
    printed = run_json("search", vase, "--exact", "-c", photos.path)
    assert printed["hits"] == expected(photos.search(photo=vase, exact=True))
    assert printed["stats"]["method"] == "exact"


def test_a_program_reads_one_hit_per_line_in_columns(run, photos, vase) -> None:
    lines = run("search", vase, "-k", 4, "-c", photos.path).stdout.splitlines()
    hits = photos.search(photo=vase, k=4)
    assert lines == [f"{hit.score:.3f}\t{hit.id}\t{hit.path}" for hit in hits]


def test_nothing_found_is_no_error(run, run_json, photos) -> None:
    result = run("search", "zebra crossing", "-c", photos.path)
    assert (result.exit_code, result.stdout) == (0, "")
    assert "zebra crossing" in result.stderr
    assert run_json("search", "zebra crossing", "-c", photos.path)["hits"] == []


def test_a_query_that_begins_with_a_minus_stands_behind_two(run, photos) -> None:
    printed = json.loads(run("search", "-k", 5, "-c", photos.path, "--json", "--", "-flowers photo:7").stdout)
    assert printed["hits"] == expected(photos.search("-flowers photo:7", k=5))


def test_a_wrong_key_is_told_with_a_mark_below_its_place(run, photos) -> None:
    result = run("search", "boat near:here", "-c", photos.path)
    assert (result.exit_code, result.stdout) == (1, "")
    line, mark, message = result.stderr.split("\n", 2)
    assert line == "boat near:here"
    assert mark == " " * len("boat ") + "^"
    assert message.startswith("Error: `near:here` at character 6")


@pytest.mark.parametrize("item", ["colour:tael", "style:minimal"])
def test_a_wrong_name_is_told_with_a_mark_and_what_may_be_meant(run, photos, item) -> None:
    result = run("search", f"boat {item}", "-c", photos.path)
    assert (result.exit_code, result.stdout) == (1, "")
    assert f"boat {item}\n     ^\n" in result.stderr
    assert "Did you mean" in result.stderr


def test_filters_of_the_line_and_of_options_hold_together(run, run_json, photos, demo_photos) -> None:
    folder = demo_photos / "met-floral-collection"
    hits = run_json("search", "flowers nsfw<0.9", "--folder", folder, "-c", photos.path)["hits"]
    assert hits
    assert all(hit["path"].startswith(str(folder)) for hit in hits)
    assert run("search", "flowers nsfw>0.9999", "--folder", folder, "-c", photos.path).stdout == ""


def test_photos_nearly_the_same_are_shown_once_and_counted(run, run_json, run_terminal, demo_photos, tmp_path) -> None:
    folder = tmp_path / "photos"
    folder.mkdir()
    for number, photo in enumerate(sorted(demo_photos.rglob("*.webp"))[:3]):
        with Image.open(photo) as image:
            for copy in range(3 if number == 0 else 1):
                image.convert("RGB").resize((300 + copy, 300)).save(folder / f"{number}-{copy}.jpg")
    run("add", folder, "-c", tmp_path / "c")
    for arguments, n_hits in (((), 5), (("--distinct",), 3)):
        hits = run_json("search", "quality>0", *arguments, "-c", tmp_path / "c")["hits"]
        assert len(hits) == n_hits
    assert sorted(len(hit["others"]) for hit in hits) == [0, 0, 2]
    assert "+2 alike" in run_terminal("search", "quality>0", "--distinct", "-c", tmp_path / "c")[1]


def test_words_that_look_like_a_path_are_told_to_be_no_file(run, photos) -> None:
    for name in ("holiday/boat.jpg", "boat.JPG", "zzz/zzz"):
        assert "no file of that name" in run("search", name, "-c", photos.path).stderr.replace("\n", " ")
    for line in ("boat", "version 2.0", "folder:/holiday/boat.jpg"):
        assert "no file of that name" not in run("search", line, "-c", photos.path).stderr.replace("\n", " ")


def test_a_tilde_before_no_person_s_name_is_as_it_is_written(run, run_json, photos) -> None:
    assert run_json("search", "~no-such-person", "-c", photos.path)["query"] == "~no-such-person"
    assert "There is no collection at `~no-such-person/x`" in run("info", "-c", "~no-such-person/x").stderr.replace(
        "\n", " "
    )


@pytest.mark.parametrize("arguments", [("search", 999_999), ("info", 999_999), ("info", "no-such.jpg")])
def test_an_unknown_photo_is_an_error(run, photos, arguments) -> None:
    result = run(*arguments, "-c", photos.path)
    assert (result.exit_code, result.stdout) == (1, "")
    assert result.stderr.startswith("Error: ")
    assert str(arguments[1]) in result.stderr


def test_a_file_that_is_no_photo_is_an_error(run, photos, tmp_path) -> None:
    letter = tmp_path / "letter.jpg"
    letter.write_bytes(b"%PDF-1.4 Dear Sir")
    result = run("search", letter, "-c", photos.path)
    assert result.exit_code == 1
    assert "PDF" in result.stderr


@pytest.mark.parametrize("command", [("search", "x"), ("info",), ("serve",), ("open",)])
def test_a_collection_that_is_not_there_is_an_error_and_is_not_made(run, tmp_path, command) -> None:
    result = run(*command, "-c", tmp_path / "none.lookalike")
    assert result.exit_code == 1
    assert "There is no collection" in result.stderr
    assert not (tmp_path / "none.lookalike").exists()


def test_the_collection_is_named_by_option_or_environment_or_lies_here(run_json, photos, tmp_path, monkeypatch) -> None:
    (tmp_path / "photos.lookalike").symlink_to(photos.path)
    monkeypatch.chdir(tmp_path)
    assert run_json("info")["collection"] == str(tmp_path / "photos.lookalike")
    monkeypatch.setenv("LOOKALIKE_COLLECTION", str(photos.path))
    assert run_json("info")["collection"] == str(photos.path)
    assert run_json("info", "-c", "photos.lookalike")["collection"] == str(tmp_path / "photos.lookalike")


def test_a_catalog_that_is_missing_is_a_calm_error(run, photos, tmp_path) -> None:
    (tmp_path / "collection.json").write_bytes((photos.path / "collection.json").read_bytes())
    result = run("info", "-c", tmp_path)
    assert result.exit_code == 1
    assert result.stderr.startswith("Error: ")
    assert "catalog.sqlite` is missing" in result.stderr


def test_debugging_shows_where_an_error_came_from(run_process, tmp_path) -> None:
    calm = run_process("info", "-c", tmp_path / "none")
    loud = run_process("info", "-c", tmp_path / "none", env={"LOOKALIKE_DEBUG": "1"})
    assert "Traceback" not in calm.stderr
    assert "NotACollectionError" in loud.stderr


def test_a_reader_that_goes_away_causes_no_complaint(photos, vase) -> None:
    process = subprocess.Popen(
        [sys.executable, "-m", "lookalike", "search", str(vase), "-k", "150", "-c", str(photos.path)],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    assert process.stdout is not None
    process.stdout.close()
    assert process.stderr is not None
    complaints = process.stderr.read()
    process.stderr.close()
    assert (process.wait(), complaints) == (1, "")


def test_info_counts_what_the_collection_holds(run, run_json, photos) -> None:
    printed = run_json("info", "-c", photos.path)
    assert (printed["photos"], printed["files"], printed["failures"]) == (len(photos), photos.n_files(), 0)
    assert printed["encoder"]["fingerprint"] == photos.settings.card.fingerprint
    assert printed["search"] == photos.search_method
    assert printed["style_search"] == photos.style_method
    in_files = sum(path.stat().st_size for path in photos.path.rglob("*") if path.is_file())
    assert printed["bytes"]["total"] == in_files
    assert printed["bytes"]["thumbnails"] > 0
    text = run("info", "-c", photos.path).stdout
    assert f"{len(photos)}" in text
    assert photos.settings.card.name in text


def test_info_tells_the_facts_of_one_photo_by_id_path_or_content(run, run_json, photos, vase, tmp_path) -> None:
    copy = tmp_path / "copy.webp"
    copy.write_bytes(vase.read_bytes())
    record = photos.photo(photos.find(vase))
    told = [run_json("info", photo, "-c", photos.path) for photo in (record.id, vase, copy)]
    assert told[0] == told[1] == told[2]
    assert told[0]["id"] == record.id
    assert told[0]["paths"] == [str(vase)]
    assert told[0]["facts"] == json.loads(record.facts)
    text = run("info", vase, "-c", photos.path).stdout
    assert record.title in text
    assert record.sha256 in text


def test_info_tells_what_was_seen_in_a_photo(run, run_json, run_terminal, photos, vase) -> None:
    known = photos.seen(photos.find(vase))
    told = run_json("info", vase, "-c", photos.path)["seen"]
    assert [tag["raw"] for tag in told["tags"]] == [row.raw for row in known.tags]
    assert [(label["name"], label["probability"]) for label in told["labels"]] == list(known.labels)
    assert [(swatch["hex"], swatch["share"]) for swatch in told["palette"]] == [s[::2][:2] for s in known.palette]
    assert told["measures"] == known.measures
    assert told["nsfw"] == known.nsfw < 0.5
    assert {(row["namespace"], row["predicate"], row["origin"]) for row in told["machine_tags"]} >= {
        ("auto", "label", "auto")
    }
    text = run("info", vase, "-c", photos.path).stdout
    assert f"{known.palette[0].name} {known.palette[0].hex}" in text
    assert "open_nsfw" in text
    assert f"{known.labels[0][0]} {known.labels[0][1]:.2f}" in text
    assert "\x1b" not in text
    shown = run_terminal("info", vase, "-c", photos.path)[1]
    assert re.search(r"\x1b\[[\d;]*(4[0-7]|10[0-7]|48;[25])[\d;]*m {5,}", shown)  # a block of background colour


def test_info_tells_by_what_a_style_is_told(run, photos) -> None:
    plainest = photos.search("style:minimalist", k=1)[0].id
    text = " ".join(run("info", plainest, "-c", photos.path).stdout.split())
    assert re.search(rf"Style .*minimalist (0\.\d\d|1\.00).* \(by {photos.style_method}\)", text)


def test_info_on_a_photo_of_elsewhere_says_so(run, photos, tmp_path) -> None:
    Image.new("RGB", (30, 30), "teal").save(tmp_path / "elsewhere.png")
    result = run("info", tmp_path / "elsewhere.png", "-c", photos.path)
    assert result.exit_code == 1
    assert "is not in" in result.stderr


def test_every_file_could_be_read(run, run_json, photos) -> None:
    assert run_json("info", "--failures", "-c", photos.path) == {"failures": []}
    assert run("info", "--failures", "-c", photos.path).stdout == "Every file could be read.\n"


def test_a_person_sees_titles_scores_and_facts_in_eighty_columns(run_terminal, photos, vase) -> None:
    hits = photos.search(photo=vase, k=5)
    titles = [photos.photo(hit.id).title for hit in hits]
    for arguments, expected in (
        (("search", vase, "-k", 5), [f"{hits[0].score:.2f}", *titles, f"5 of {len(photos)} photos"]),
        (("info",), ["efficientnet-lite2 int8", "every photo compared"]),
        (("info", vase), [photos.photo(photos.find(vase)).title, "met-436525.webp"]),
    ):
        code, shown, _ = run_terminal(*arguments, "-c", photos.path)
        text = re.sub(r"\x1b\[[?\d;]*[A-Za-z]", "", shown)
        assert code == 0
        assert max(map(len, text.splitlines())) <= 80
        for words in expected:
            assert words[:50] in text


def test_a_search_is_limited_to_a_folder_and_to_dates(run, run_json, demo_collection, demo_photos) -> None:
    folder = sorted(path for path in demo_photos.iterdir() if path.is_dir())[0]
    hits = run_json("search", "60", "-k", "5", "--folder", folder, "-c", demo_collection)["hits"]
    assert len(hits) == 5
    assert all(hit["path"].startswith(str(folder)) for hit in hits)
    nothing = run("search", "60", "--since", "2019-06", "--until", "2019", "-c", demo_collection)
    assert nothing.exit_code == 0
    assert "Within the folder and the dates given there is none" in nothing.stderr
    wrong = run("search", "60", "--since", "soon", "-c", demo_collection)
    assert wrong.exit_code == 1
    assert "expected a time such as 2019" in wrong.stderr


def test_it_is_told_in_which_space_words_are_looked_for(run_json, run_terminal, photos, joint_collection) -> None:
    assert run_json("info", "-c", joint_collection)["word_search"] == "the joint space of colours-and-words"
    assert run_json("search", "red", "-c", joint_collection)["stats"]["words"] == "joint"
    assert "; words in the encoder's joint space, in " in run_terminal("search", "red", "-c", joint_collection)[1]
    assert run_json("search", "red", "-c", photos.path)["stats"]["words"] == "classes"
    assert "words by the classes seen in photos" in run_terminal("search", "red", "-c", photos.path)[1]
    assert run_json("search", "colour:red", "-c", photos.path)["stats"]["words"] is None


def test_a_vector_of_a_file_is_searched_with(run, run_json, demo_collection, tmp_path) -> None:
    run_json("info", 7, "--embedding", tmp_path / "vector.npy", "-c", demo_collection)
    assert np.load(tmp_path / "vector.npy").shape == (1280,)
    assert run("info", "--embedding", tmp_path / "vector.npy", "-c", demo_collection).exit_code == 2
    hits = run_json("search", "--vector", tmp_path / "vector.npy", "-k", 3, "-c", demo_collection)["hits"]
    assert hits[0]["id"] == 7
    assert list(hits[0]["parts"]) == ["vector"]
    mixed = run_json("search", "photo:9", "--vector", tmp_path / "vector.npy", "-k", 3, "-c", demo_collection)["hits"]
    assert len(mixed[0]["parts"]) == 2
    (tmp_path / "vector.npy").write_bytes(b"no array")
    result = run("search", "--vector", tmp_path / "vector.npy", "-c", demo_collection)
    assert (result.exit_code, "no .npy file" in " ".join(result.stderr.split())) == (1, True)
    assert "pickle" not in result.stderr
    result = run("search", "--vector", tmp_path / "nothing.npy", "-c", demo_collection)
    assert (result.exit_code, "cannot be read: No such file" in " ".join(result.stderr.split())) == (1, True)
    assert "Errno" not in result.stderr
    assert run("search", "-c", demo_collection).exit_code == 2
    assert run("search", "x", "--words", "--vector", "x.npy", "-c", demo_collection).exit_code == 2


@pytest.mark.parametrize("asked", [(), ("",), ("  ",), ("", "--words"), ("", "--photo", "--folder", ".")])
def test_nothing_asked_is_a_wrong_command_line(run, photos, asked) -> None:
    result = run("search", *asked, "-c", photos.path)
    assert result.exit_code == 2
    assert "ask for something" in result.stderr


def test_a_folder_alone_lists_its_photos(run_json, photos, vase) -> None:
    printed = run_json("search", "--folder", vase.parent, "-k", 1000, "-c", photos.path)
    assert {hit["path"] for hit in printed["hits"]} == {str(path) for path in vase.parent.glob("*.webp")}
    assert run_json("search", "", "--folder", vase.parent, "-k", 1000, "-c", photos.path)["hits"] == printed["hits"]


def test_a_number_too_long_for_an_id_is_words(run, photos) -> None:
    result = run("search", "9" * 5000, "-c", photos.path)
    assert (result.exit_code, result.stdout) == (0, "")


@pytest.mark.parametrize("encoding", ["latin-1", "ascii", "utf-8"])
def test_json_is_json_in_any_encoding(run_process, photos, encoding) -> None:
    printed = run_process("search", "Größe 😀", "--json", "-c", photos.path, env={"PYTHONIOENCODING": encoding})
    assert json.loads(printed.stdout)["query"] == "Größe 😀"


@pytest.mark.parametrize("line", ["boat since:2019", "until:1800", "on:06-24", "season:summer"])
def test_where_a_time_finds_nothing_it_is_told_that_unknown_times_are_left_out(run, photos, line) -> None:
    result = run("search", line, "-c", photos.path)
    assert (result.exit_code, result.stdout) == (0, "")
    assert "no time is known" in result.stderr


def test_where_a_place_finds_nothing_it_is_told_that_unknown_places_are_left_out(run, photos) -> None:
    assert "no place is known" in run("search", "near:52.5,13.4", "-c", photos.path).stderr
