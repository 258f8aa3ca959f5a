"""`lookalike why` and `lookalike units`: why two photos are alike, and how the network sees."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from lookalike.cli.facts import print_facts
from lookalike.cli.options import DEFAULT_COLLECTION, CollectionOption, JsonOption, given_path
from lookalike.cli.terminal import print_json, print_note, print_plain, stdout
from lookalike.cli.wording import one_line, shown_path

if TYPE_CHECKING:
    from collections.abc import Sequence

    from lookalike.collection import Collection

__all__ = ["units", "why"]


def why(
    a: Annotated[str, typer.Argument(metavar="A", hidden=True)],
    b: Annotated[str, typer.Argument(metavar="B", hidden=True)],
    *,
    collection: CollectionOption = DEFAULT_COLLECTION,
    sheet: Annotated[
        Path | None,
        typer.Option(
            parser=given_path, metavar="FILE", help="Also draw both photos with their heat: .jpg, .png or .webp."
        ),
    ] = None,
    json: JsonOption = False,
) -> None:
    """Tell why two photos are alike: classes, tags and colours, and where.

    A and B are files or ids of photos. The heat map of each shows which parts
    make it like the other, in the eyes of the network.
    """
    if sheet is not None:
        from lookalike.cli.contact_sheet import SHEET_SUFFIXES

        if sheet.suffix.lower() not in SHEET_SUFFIXES:
            raise typer.BadParameter(f"--sheet {sheet}: the name must end in {', '.join(sorted(SHEET_SUFFIXES))}.")

    from lookalike.cli.seen import print_swatches, swatches_json, told_colours
    from lookalike.collection import Collection
    from lookalike.collection.seen_photo import swatches
    from lookalike.explore.asking import why as ask

    with Collection.open(collection, create=False, notify=print_note) as photos:
        first, second = (_photo(photos, given) for given in (a, b))
        told = ask(photos, first, second)
        assert told.palettes is not None
        palettes = [swatches(palette) for palette in told.palettes]
        if sheet is not None:
            from lookalike.cli.heat_sheet import draw_heat_sheet

            draw_heat_sheet(photos, (first, second), told, sheet)
    if json:
        sides = [
            {"photo": str(photo), "heat": heat.tolist(), "box": list(box), "palette": swatches_json(palette)}
            for photo, heat, box, palette in zip(
                (first, second), (told.heat_a, told.heat_b), (told.box_a, told.box_b), palettes, strict=True
            )
        ]
        classes = [{"name": name, "a": p, "b": q} for name, p, q in told.classes]
        print_json(
            {
                "cosine": told.cosine,
                "method": told.method,
                "a": sides[0],
                "b": sides[1],
                "classes": classes,
                "tags": list(told.tags),
            }
        )
        return
    print_facts(
        {
            "Likeness": f"{told.cosine:.3f}, the cosine of what the network sees",
            "Both may be": ", ".join(f"{name} {p:.2f} and {q:.2f}" for name, p, q in told.classes),
            "Both have": ", ".join(told.tags),
            "Colours of A": told_colours(palettes[0]),
            "Colours of B": told_colours(palettes[1]),
        }
    )
    for palette in palettes:
        print_swatches(palette)
    if sheet is not None:
        print_note(f"Heat maps: {shown_path(sheet)}")


def units(
    photo: Annotated[str | None, typer.Argument(metavar="PHOTO", hidden=True)] = None,
    *,
    collection: CollectionOption = DEFAULT_COLLECTION,
    unit: Annotated[
        int | None, typer.Option("--unit", min=0, metavar="N", help="In place of a photo: a unit of the network.")
    ] = None,
    k: Annotated[int, typer.Option("-k", min=1, metavar="N", help="How many units, or photos.")] = 12,
    json: JsonOption = False,
) -> None:
    """Tell which units of the network a photo excites, or which photos a unit.

    PHOTO is a file or an id. A unit is a coordinate of the numbers that are
    compared; the photos that excite it most show what it looks for.
    """
    if (photo is None) == (unit is None):
        raise typer.BadParameter("Give a PHOTO, or --unit N: one of the two.")

    from lookalike.collection import Collection

    with Collection.open(collection, create=False, notify=print_note) as photos:
        if unit is not None:
            _show_photos(photos, unit, k, json=json)
        else:
            assert photo is not None
            _show_units(photos, _photo(photos, photo), k, json=json)


def _photo(photos: Collection, given: str) -> int | Path:
    """Tell what was given: a photo of the collection (its id), or a file from outside."""
    from lookalike.catalog import expanded

    photo_id = photos.find(given)
    return expanded(given) if photo_id is None else photo_id


def _show_photos(photos: Collection, unit: int, k: int, *, json: bool) -> None:
    from lookalike.explore.asking import unit_photos

    found = unit_photos(photos, unit, k)
    paths = {record.id: record.path for record in photos.photos([each.id for each in found])}
    if json:
        listed = [{"id": each.id, "path": paths[each.id], "value": each.value} for each in found if each.id in paths]
        print_json({"unit": unit, "photos": listed})
        return
    rows = [(f"{each.value:.3f}", str(each.id), one_line(paths[each.id])) for each in found if each.id in paths]
    _print_rows(("Value", "Id", "Photo"), rows)


def _show_units(photos: Collection, photo: int | Path, k: int, *, json: bool) -> None:
    from lookalike.explore.asking import photo_units

    found = photo_units(photos, photo, k)
    if json:
        from dataclasses import asdict

        print_json({"photo": str(photo), "units": [asdict(each) for each in found]})
        return
    rows = []
    for each in found:
        places = [f"{(cell.box[0] + cell.box[2]) / 2:.0%},{(cell.box[1] + cell.box[3]) / 2:.0%}" for cell in each.cells]
        rows.append((f"{each.value:.3f}", f"{each.typical:.3f}", str(each.unit), " ".join(places)))
    _print_rows(("Value", "Usual", "Unit", "Strongest at"), rows)


def _print_rows(names: tuple[str, ...], rows: Sequence[tuple[str, ...]]) -> None:
    """Print a table; for programs columns separated by tabs."""
    console = stdout()
    if not console.is_terminal:
        for row in rows:
            print_plain("\t".join(row))
        return
    from rich.table import Table

    table = Table(box=None, padding=(0, 2, 0, 0), header_style="dim")
    for name in names:
        options: dict[str, Any] = (
            {"overflow": "fold"} if name in ("Photo", "Strongest at") else {"justify": "right", "no_wrap": True}
        )
        table.add_column(name, **options)
    for row in rows:
        table.add_row(*row[:-1], shown_path(row[-1]) if names[-1] == "Photo" else row[-1])
    console.print(table)
