"""A sheet with two photos beside each other, heat maps laid over them: why they are alike."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from PIL import Image, ImageDraw

from lookalike.cli.contact_sheet import FAINT, GROUND, INK, MARGIN, save_sheet
from lookalike.cli.typeface import Typeface
from lookalike.explore.heat import heat_over
from lookalike.photos import read_photo

if TYPE_CHECKING:
    from lookalike.collection import Collection
    from lookalike.explore.why import Explanation

__all__ = ["draw_heat_sheet"]

_WIDTH = 760
_MAX_HEIGHT = 1140


def draw_heat_sheet(photos: Collection, pair: tuple[int | Path, int | Path], told: Explanation, path: Path) -> None:
    """Draw what `told` explains, and write it to `path`.

    Parameters
    ----------
    photos : Collection
    pair : two of int or Path
        The photos, ids of the collection or files.
    told : Explanation
        Of these two.
    path : Path
        File to write; its suffix decides the format.
    """
    heats = ((told.heat_a, told.box_a), (told.heat_b, told.box_b))
    pictures = [
        heat_over(_picture(photos, photo), heat, box=box) for photo, (heat, box) in zip(pair, heats, strict=True)
    ]
    height = max(picture.height for picture in pictures)
    sheet = Image.new("RGB", (3 * MARGIN + 2 * _WIDTH, MARGIN + height + 130), GROUND)
    draw = ImageDraw.Draw(sheet)
    name, line = Typeface(22), Typeface(17)
    for number, (photo, picture) in enumerate(zip(pair, pictures, strict=True)):
        x = MARGIN + number * (_WIDTH + MARGIN)
        sheet.paste(picture, (x + (_WIDTH - picture.width) // 2, MARGIN + height - picture.height))
        name.draw(draw, (x, MARGIN + height + 14), name.shortened(_name(photos, photo), _WIDTH), INK)
    shared = ", ".join([name for name, _, _ in told.classes] + list(told.tags))
    said = f"{told.cosine:.2f} alike" + (f"; both: {shared}" if shared else "")
    line.draw(draw, (MARGIN, MARGIN + height + 58), line.shortened(said, sheet.width - 2 * MARGIN), FAINT)
    save_sheet(sheet, path)


def _picture(photos: Collection, photo: int | Path) -> Image.Image:
    file, data = photos.file_content(photo) if isinstance(photo, int) else (photo, photo.read_bytes())
    image = read_photo(data, name=file.name, min_side=_WIDTH).image
    factor = min(_WIDTH / image.width, _MAX_HEIGHT / image.height)
    size = (max(1, round(image.width * factor)), max(1, round(image.height * factor)))
    return image.resize(size, Image.Resampling.LANCZOS)


def _name(photos: Collection, photo: int | Path) -> str:
    if isinstance(photo, Path):
        return photo.stem
    record = photos.photo(photo)
    return record.title or Path(record.name).stem
