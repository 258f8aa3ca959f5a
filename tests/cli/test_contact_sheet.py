"""A contact sheet shows the goal and every hit, whatever their shapes and names."""

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

import lookalike
from lookalike.cli.contact_sheet import GROUND, MARGIN, MAX_HEIGHT, WIDTH, justified_rows
from lookalike.cli.typeface import Typeface

aspects = st.lists(st.floats(0.45, 3.2), min_size=1, max_size=60)


@given(aspects=aspects, width=st.integers(600, 3000), gap=st.integers(0, 30))
def test_every_photo_has_its_place_and_full_rows_fill_the_width(aspects, width, gap) -> None:
    rows = justified_rows(aspects, width, height=200, gap=gap)
    assert sum(len(widths) for _, widths in rows) == len(aspects)
    for number, (height, widths) in enumerate(rows):
        total = sum(widths) + gap * (len(widths) - 1)
        assert total == width if number < len(rows) - 1 else total <= width
        assert height > 0
        assert min(widths) > 0


@given(aspects=aspects)
def test_photos_keep_their_shape(aspects) -> None:
    rows = justified_rows(aspects, 1500, height=200, gap=20)
    shapes = [(width, height) for height, widths in rows for width in widths]
    for aspect, (width, height) in zip(aspects, shapes, strict=True):
        assert abs(width - aspect * height) <= 1 + aspect


@pytest.fixture
def odd_collection(demo_photos: Path, tmp_path: Path) -> Path:
    """Photos with names in many scripts and of extreme shapes."""
    names = ["Été à la plage", "東京タワー", "صورة جميلة", "Москва", "भारत", "🐱", "a_" * 80, "Žluťoučký kůň " * 8]
    folder = tmp_path / "odd"
    folder.mkdir()
    for name, photo in zip(names, sorted(demo_photos.rglob("*.webp"))[::15], strict=False):
        (folder / f"{name}.webp").write_bytes(photo.read_bytes())
    Image.new("RGB", (3000, 40), "teal").save(folder / "panorama.png")
    Image.new("RGB", (30, 2000), "brown").save(folder / "tower.png")
    Image.new("RGB", (8, 8), "pink").save(folder / "tiny.png")
    with lookalike.Collection.open(tmp_path / "odd.lookalike") as photos:
        photos.add(folder)
    return tmp_path / "odd.lookalike"


@pytest.mark.parametrize(("suffix", "format_"), [(".jpg", "JPEG"), (".png", "PNG"), (".webp", "WEBP")])
def test_a_sheet_is_drawn_for_photos_and_for_words(run, demo_collection, tmp_path, suffix, format_) -> None:
    sheets = []
    for query in ("1", "flowers"):
        sheet = tmp_path / f"{query}{suffix}"
        assert run("search", query, "--sheet", sheet, "-c", demo_collection).exit_code == 0
        with Image.open(sheet) as image:
            assert image.format == format_
            assert image.width == WIDTH
            sheets.append(image.convert("RGB"))
    assert sheets[0].height > sheets[1].height > 300  # words need less of a head
    for image in sheets:
        assert max(abs(a - b) for a, b in zip(image.getpixel((3, 3)), GROUND, strict=True)) <= 2


def test_the_goal_stands_at_the_head(run, tmp_path, demo_collection) -> None:
    goal = tmp_path / "goal.png"
    Image.new("RGB", (400, 300), (200, 30, 40)).save(goal)
    sheet = tmp_path / "sheet.png"
    assert run("search", goal, "--sheet", sheet, "-k", 3, "-c", demo_collection).exit_code == 0
    with Image.open(sheet) as image:
        assert image.convert("RGB").getpixel((MARGIN + 60, MARGIN + 60)) == (200, 30, 40)


def test_odd_names_and_shapes_are_drawn(run, odd_collection, tmp_path) -> None:
    with lookalike.Collection.open(odd_collection) as photos:
        for record in photos.photos_after(0, 100):
            sheet = tmp_path / f"{record.id}.png"
            assert run("search", record.id, "--sheet", sheet, "-c", odd_collection).exit_code == 0
            with Image.open(sheet) as image:
                assert image.height < 3000
    assert run("search", "東京タワー", "--words", "--sheet", tmp_path / "w.png", "-c", odd_collection).exit_code == 0


def test_a_sheet_of_nothing_has_a_head_only(run, demo_collection, tmp_path) -> None:
    sheet = tmp_path / "none.png"
    assert run("search", "zebra crossing", "--sheet", sheet, "-c", demo_collection).exit_code == 0
    with Image.open(sheet) as image:
        assert image.height < 300


def test_a_photo_that_has_gone_with_its_thumbnail_is_drawn_as_an_empty_field(
    run, run_json, twelve_photos, tmp_path
) -> None:
    import shutil

    collection = tmp_path / "c.lookalike"
    run_json("add", twelve_photos, "-c", collection)
    shutil.rmtree(collection / "thumbnails")
    for photo in twelve_photos.iterdir():
        photo.unlink()
    assert run("search", "1", "--sheet", tmp_path / "s.png", "-c", collection).exit_code == 0
    assert (tmp_path / "s.png").exists()


def test_a_goal_whose_file_was_damaged_is_drawn_by_its_thumbnail(run, run_json, twelve_photos, tmp_path) -> None:
    collection, sheet = tmp_path / "c.lookalike", tmp_path / "s.png"
    run_json("add", twelve_photos, "-c", collection)
    with lookalike.Collection.open(collection) as photos:
        path = photos.file(3)
    path.write_bytes(path.read_bytes()[:2000])
    assert run("search", "--photo", "3", "-k", 2, "--sheet", sheet, "-c", collection).exit_code == 0
    assert sheet.exists()


def test_a_sheet_that_cannot_be_written_is_a_calm_error(run, demo_collection, tmp_path) -> None:
    result = run("search", "1", "--sheet", tmp_path / "no" / "s.jpg", "-c", demo_collection)
    assert result.exit_code == 1
    assert "No such file or directory" in result.stderr.replace("\n", " ")


def test_a_sheet_that_is_too_high_for_its_format_is_refused_with_what_helps(
    run, demo_collection, tmp_path, monkeypatch
) -> None:
    monkeypatch.setitem(MAX_HEIGHT, ".webp", 400)
    result = run("search", "1", "--sheet", tmp_path / "s.webp", "-c", demo_collection)
    assert result.exit_code == 1
    assert ".webp holds 400. Ask for fewer photos (-k), or name a .png." in " ".join(result.stderr.split())
    assert not (tmp_path / "s.webp").exists()
    assert run("search", "1", "--sheet", tmp_path / "s.png", "-c", demo_collection).exit_code == 0


@given(text=st.text(max_size=60), width=st.integers(20, 400))
def test_text_is_shortened_to_its_room(text, width) -> None:
    face = Typeface(16)
    short = face.shortened(text, width)
    assert short == text or (short.endswith("…") and face.width(short) <= width)
    for line in face.wrapped(text, width, max_lines=2):
        assert line.endswith("…") or face.width(line) <= width


def test_accents_are_left_out_rather_than_letters(monkeypatch) -> None:
    import lookalike.cli.typeface as typeface

    monkeypatch.setattr(typeface, "_SYSTEM_FONTS", ())
    typeface._fonts.cache_clear()
    try:
        face = typeface.Typeface(16)
        assert face._set("Café Zürich")[1] == "Cafe Zurich"
        assert face.can_write("Café Zürich")
        assert not face.can_write("東京")
        assert face._set("東京 2024")[1] == "… 2024"
    finally:
        typeface._fonts.cache_clear()
