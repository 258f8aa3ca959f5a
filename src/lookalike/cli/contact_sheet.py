"""A contact sheet: the goal photo (or the words) at the head, and below it what was found, with names and scores.

The results lie in justified rows: each row is as wide as the sheet and no photo is cropped but the very long, so that a
portrait and a panorama get about the same area. Greedy filling row by row costs nothing and is within a few per cent
of the best breaks for the tens of photos that a sheet holds.
"""

from __future__ import annotations

import contextlib
from collections.abc import Sequence
from dataclasses import dataclass
from io import BytesIO
from itertools import pairwise
from pathlib import Path
from typing import TYPE_CHECKING, Final

from PIL import Image, ImageDraw, ImageOps

from lookalike.cli.typeface import Typeface
from lookalike.cli.wording import count
from lookalike.errors import InvalidArgumentError, LookalikeError, PhotoError
from lookalike.photos import read_photo

if TYPE_CHECKING:
    from lookalike.catalog import PhotoRecord
    from lookalike.collection import Collection, SearchResult

__all__ = ["FAINT", "GROUND", "INK", "MARGIN", "SHEET_SUFFIXES", "draw_contact_sheet", "justified_rows", "save_sheet"]

SHEET_SUFFIXES: Final = frozenset({".jpg", ".jpeg", ".png", ".webp"})
MAX_HEIGHT: Final = {".jpg": 65_500, ".jpeg": 65_500, ".webp": 16_383}  # what the formats can hold, px

WIDTH = 1600
MARGIN = 56
GAP = 20
ROW_HEIGHT = 232
CAPTION_HEIGHT = 56
HEAD_HEIGHT = 340
RADIUS = 4
GROUND = (247, 246, 243)
INK = (34, 34, 32)
FAINT = (128, 126, 120)
RULE = (222, 219, 212)
ACCENT = (70, 108, 138)
NO_PICTURE = (232, 230, 225)


@dataclass(frozen=True, slots=True)
class _Tile:
    picture: Image.Image
    name: str
    score: float

    @property
    def aspect(self) -> float:
        return min(max(self.picture.width / self.picture.height, 0.45), 3.2)


def draw_contact_sheet(photos: Collection, subject: Path | int | str, result: SearchResult, path: Path) -> None:
    """Draw what `result` found, and write it to `path`.

    Parameters
    ----------
    photos : Collection
        The collection that was searched.
    subject : Path, int or str
        What was searched for: a file, an id of the collection, or a query.
    result : SearchResult
        What was found.
    path : Path
        File to write; its suffix, one of `SHEET_SUFFIXES`, decides the format.
    """
    records = {record.id: record for record in photos.photos([hit.id for hit in result])}
    tiles = [
        _Tile(_thumbnail(photos, hit.id), _name(records[hit.id]), hit.score) for hit in result if hit.id in records
    ]
    rows = justified_rows([tile.aspect for tile in tiles], WIDTH - 2 * MARGIN, height=ROW_HEIGHT, gap=GAP)
    goal = None if isinstance(subject, str) else _goal(photos, subject, result.photo_id)
    head_height = 150 if goal is None else HEAD_HEIGHT
    rows_height = sum(row_height + CAPTION_HEIGHT + GAP for row_height, _ in rows)
    height = MARGIN + head_height + GAP * 2 + rows_height + MARGIN // 2
    most = MAX_HEIGHT.get(path.suffix.lower(), height)
    if height > most:
        raise InvalidArgumentError(
            f"A sheet of {count(len(tiles), 'photo')} is {height:,} px high, and {path.suffix} holds {most:,}. "
            "Ask for fewer photos (-k), or name a .png."
        )
    sheet = Image.new("RGB", (WIDTH, height), GROUND)
    found = f"{count(len(tiles), 'photo')} of {result.stats.n_photos:,}"
    if goal is None:
        _draw_head(sheet, None, "PHOTOS FOUND FOR", f"“{subject}”", found)
    else:
        _draw_head(sheet, goal.picture, "PHOTOS LIKE", goal.name, found)
    y = MARGIN + head_height + GAP * 2
    start = 0
    for row_height, widths in rows:
        x = MARGIN
        for tile, width in zip(tiles[start:], widths, strict=False):
            _draw_tile(sheet, tile, (x, y, width, row_height))
            x += width + GAP
        start += len(widths)
        y += row_height + CAPTION_HEIGHT + GAP
    save_sheet(sheet, path)


def justified_rows(aspects: Sequence[float], width: int, *, height: int, gap: int) -> list[tuple[int, list[int]]]:
    """Break photos into rows of equal width.

    Parameters
    ----------
    aspects : sequence of float
        Width divided by height of each photo.
    width : int
        Of a full row, in pixels.
    height : int
        Wished for, in pixels; rows come out a little lower or higher, the last one exactly so.
    gap : int
        Between two photos, in pixels.

    Returns
    -------
    list of (height, widths)
        Of each row. All but the last are exactly `width` wide with their gaps.

    Examples
    --------
    >>> justified_rows([1.5, 1.5, 1.0, 1.0], 420, height=100, gap=10)
    [(100, [150, 150, 100]), (100, [100])]
    """
    rows: list[tuple[int, list[int]]] = []
    row: list[float] = []
    for aspect in aspects:
        # Take one more photo while that brings the row nearer to the height wished for.
        if row:
            before = (width - gap * (len(row) - 1)) / sum(row)
            after = (width - gap * len(row)) / (sum(row) + aspect)
            if before <= height or (after < height and height / after > before / height):
                rows.append(_full_row(row, width, gap))
                row = []
        row.append(aspect)
    if row:
        natural = (width - gap * (len(row) - 1)) / sum(row)
        rows.append(
            _full_row(row, width, gap)
            if natural <= height * 1.15
            else (height, [round(aspect * height) for aspect in row])
        )
    return rows


def _full_row(row: Sequence[float], width: int, gap: int) -> tuple[int, list[int]]:
    height = (width - gap * (len(row) - 1)) / sum(row)
    edges = [round(sum(row[:position]) * height) for position in range(len(row) + 1)]
    return round(height), [right - left for left, right in pairwise(edges)]


def _thumbnail(photos: Collection, photo_id: int) -> Image.Image:
    try:
        return Image.open(BytesIO(photos.thumbnail(photo_id))).convert("RGB")
    except LookalikeError:  # its thumbnail was removed and its file is away
        return Image.new("RGB", (480, 360), NO_PICTURE)


def _goal(photos: Collection, subject: Path | int, photo_id: int | None) -> _Tile:
    if photo_id is not None:
        record = photos.photo(photo_id)
        picture = _thumbnail(photos, photo_id)
        file = Path(subject) if isinstance(subject, Path) else Path(record.path)
        with contextlib.suppress(OSError, PhotoError):  # larger than the thumbnail, if it can be had
            if file.is_file():
                picture = read_photo(file.read_bytes(), name=file.name, min_side=2 * HEAD_HEIGHT).image
        return _Tile(picture, _name(record), 1.0)
    assert isinstance(subject, Path)
    return _Tile(read_photo(subject.read_bytes(), name=subject.name, min_side=2 * HEAD_HEIGHT).image, subject.stem, 1.0)


def _name(record: PhotoRecord) -> str:
    name = record.title or Path(record.name).stem
    return name if Typeface(16).can_write(name) else f"Photo {record.id}"


def _draw_head(sheet: Image.Image, picture: Image.Image | None, label: str, name: str, found: str) -> None:
    draw = ImageDraw.Draw(sheet)
    x, y = MARGIN, MARGIN
    if picture is not None:
        scale = min(HEAD_HEIGHT / picture.height, 760 / picture.width)
        size = (max(1, round(picture.width * scale)), max(1, round(picture.height * scale)))
        y += (HEAD_HEIGHT - size[1]) // 2
        _paste(sheet, picture, (x, y, *size))
        x += size[0] + 2 * GAP
        y += max(0, size[1] // 2 - 84)
    small, large = Typeface(17), Typeface(40)
    small.draw(draw, (x, y), label, FAINT)
    lines = large.wrapped(name, WIDTH - MARGIN - x, max_lines=2)
    for number, line in enumerate(lines):
        large.draw(draw, (x, y + 32 + 50 * number), line, INK)
    small.draw(draw, (x, y + 50 + 50 * len(lines)), found, FAINT)
    bottom = MARGIN + (150 if picture is None else HEAD_HEIGHT) + GAP - 2
    draw.line((MARGIN, bottom, WIDTH - MARGIN, bottom), fill=RULE, width=1)


def _draw_tile(sheet: Image.Image, tile: _Tile, box: tuple[int, int, int, int]) -> None:
    x, y, width, height = box
    _paste(sheet, tile.picture, box)
    draw = ImageDraw.Draw(sheet)
    face = Typeface(16)
    score = f"{tile.score:.2f}"
    face.draw(draw, (x, y + height + 9), face.shortened(tile.name, width), INK)
    top = y + height + 34
    face.draw(draw, (x, top), score, FAINT)
    left = x + 42
    middle = top + 9
    length = min(width, 160) - 42
    draw.line((left, middle, left + length, middle), fill=RULE, width=3)
    if tile.score > 0:
        draw.line((left, middle, left + round(length * tile.score), middle), fill=ACCENT, width=3)


def _paste(sheet: Image.Image, picture: Image.Image, box: tuple[int, int, int, int]) -> None:
    x, y, width, height = box
    fitted = ImageOps.fit(picture, (width, height), Image.Resampling.LANCZOS)
    mask = Image.new("L", (4 * width, 4 * height), 0)
    ImageDraw.Draw(mask).rounded_rectangle((0, 0, 4 * width - 1, 4 * height - 1), 4 * RADIUS, fill=255)
    sheet.paste(fitted, (x, y), mask.resize((width, height), Image.Resampling.BOX))


def save_sheet(sheet: Image.Image, path: Path) -> None:
    """Write a sheet to a file whose suffix is one of `SHEET_SUFFIXES`."""
    format_ = {".png": "PNG", ".webp": "WEBP"}.get(path.suffix.lower(), "JPEG")
    out = BytesIO()
    sheet.save(out, format_, quality=92)
    path.write_bytes(out.getvalue())
