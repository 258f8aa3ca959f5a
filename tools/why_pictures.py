"""Draw the pictures of docs/explanation/why.md from the public-domain demo photos.

python tools/why_pictures.py DEMO.lookalike docs/images
"""

from __future__ import annotations

import sys
from pathlib import Path

from PIL import Image, ImageDraw

import lookalike
from lookalike.encoders.preprocessing import crop_box
from lookalike.explore.asking import explain, photo_units, unit_photos
from lookalike.explore.heat import heat_over

PAIRS = {
    "why-portraits": ("met-437056.webp", "met-643540.webp"),
    "why-sculptures": ("nmk-348.webp", "nmk-338.webp"),
    "why-drawings": ("met-15379.webp", "met-15370.webp"),
}
UNITS_OF = ("met-643540.webp", "nmk-348.webp")
HEIGHT_PX, UNIT_PX, GAP_PX = 220, 140, 8
N_UNITS, N_PHOTOS = 2, 6


def opened(photos: lookalike.Collection, photo_id: int) -> Image.Image:
    """Open a photo at the height of a strip."""
    with Image.open(photos.file(photo_id)) as image:
        picture = image.convert("RGB")
    return picture.resize((round(picture.width * HEIGHT_PX / picture.height), HEIGHT_PX), Image.Resampling.LANCZOS)


def strip(pictures: list[Image.Image]) -> Image.Image:
    """Set pictures beside each other."""
    width = sum(picture.width for picture in pictures) + GAP_PX * (len(pictures) - 1)
    out, x = Image.new("RGB", (width, pictures[0].height), "white"), 0
    for picture in pictures:
        out.paste(picture, (x, 0))
        x += picture.width + GAP_PX
    return out


def save(picture: Image.Image, path: Path) -> None:
    """Write a JPEG and tell its size."""
    picture.save(path, quality=82, optimize=True, progressive=True)
    print(f"{path}: {picture.width} x {picture.height}, {path.stat().st_size:,} bytes")


def pair(photos: lookalike.Collection, a: int, b: int) -> Image.Image:
    """Two photos, each before and under its heat, on one scale."""
    why = explain(photos, a, b)
    top = max(float(why.heat_a.max()), float(why.heat_b.max()))
    print(f"cosine {why.cosine:.4f}, sums {why.heat_a.sum():.4f} and {why.heat_b.sum():.4f}")
    pictures = []
    for photo_id, heat, box in ((a, why.heat_a, why.box_a), (b, why.heat_b, why.box_b)):
        picture = opened(photos, photo_id)
        pictures += [picture, heat_over(picture, heat, box=box, top=top)]
    return strip(pictures)


def unit_rows(photos: lookalike.Collection, photo_id: int) -> list[Image.Image]:
    """For the strongest units of a photo: the photo, then the photos that excite the unit most, with a frame each."""
    card, rows = photos.settings.card, []
    for view in photo_units(photos, photo_id, N_UNITS):
        print(f"unit {view.unit}: {view.value:.3f}, usually {view.typical:.3f}")
        pictures = []
        others = [hit.id for hit in unit_photos(photos, view.unit, N_PHOTOS + 1) if hit.id != photo_id]
        for each in [photo_id, *others[:N_PHOTOS]]:
            picture = opened(photos, each)
            units = {unit.unit: unit for unit in photo_units(photos, each, card.dim, n_cells=1)}
            if cells := units[view.unit].cells:
                left, top, right, bottom = cells[0].box
                corners = (left * picture.width, top * picture.height, right * picture.width, bottom * picture.height)
                ImageDraw.Draw(picture).rectangle(corners, outline=(255, 190, 0), width=4)
            seen = crop_box(*picture.size, card)
            pictures.append(picture.resize((UNIT_PX, UNIT_PX), Image.Resampling.LANCZOS, box=seen))
        rows.append(strip(pictures))
    return rows


def main(collection: str, folder: str) -> None:
    """Draw all of them."""
    with lookalike.Collection.open(collection, create=False) as photos:
        ids = {Path(photo.path).name: photo.id for photo in photos.photos_after(0, 1000)}
        for name, (a, b) in PAIRS.items():
            save(pair(photos, ids[a], ids[b]), Path(folder) / f"{name}.jpg")
        rows = [row for name in UNITS_OF for row in unit_rows(photos, ids[name])]
    sheet = Image.new("RGB", (rows[0].width, len(rows) * (UNIT_PX + GAP_PX) - GAP_PX), "white")
    for number, row in enumerate(rows):
        sheet.paste(row, (0, number * (UNIT_PX + GAP_PX)))
    save(sheet, Path(folder) / "why-units.jpg")


if __name__ == "__main__":
    main(*sys.argv[1:])
