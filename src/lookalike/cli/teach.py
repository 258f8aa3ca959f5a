"""`lookalike teach`: filters of one's own, taught by photos."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any

import typer

from lookalike.cli.options import DEFAULT_COLLECTION, CollectionOption, JsonOption
from lookalike.cli.tags import ids_given
from lookalike.cli.terminal import print_json, print_note, print_plain
from lookalike.cli.wording import count, one_line
from lookalike.errors import UnknownFilterError, UnknownTagError

if TYPE_CHECKING:
    from lookalike.collection.probe import Probe

__all__ = ["teach"]


def teach(
    name: Annotated[str | None, typer.Argument(metavar="NAME", help="What it shall be called.")] = None,
    photos: Annotated[
        list[str] | None,
        typer.Argument(metavar="PHOTO", help="Photos that are it, ids or files: 5 or more, best 10 to 50."),
    ] = None,
    *,
    collection: CollectionOption = DEFAULT_COLLECTION,
    refused: Annotated[
        list[str] | None,
        typer.Option("--not", metavar="PHOTO", help="A photo that is not it; may be given more than once."),
    ] = None,
    tagged: Annotated[
        list[str] | None,
        typer.Option(
            "--tagged", metavar="TAG", help="All photos with this tag are it, too; may be given more than once."
        ),
    ] = None,
    forget: Annotated[bool, typer.Option("--forget", metavar="", help="Forget the filter NAME.")] = False,
    json: JsonOption = False,
) -> None:
    """Teach a filter by photos, to be found by style:NAME; without a name, list those that were taught.

    The figures told are expected ones, from examples judged without themselves.
    """
    from lookalike.collection import Collection

    examples = list(photos or ())
    if name is None and (tagged or forget or refused):
        raise typer.BadParameter("name the filter.", param_hint="NAME")
    if forget and (examples or tagged or refused):
        raise typer.BadParameter("--forget takes a name only.")
    with Collection.open(collection, create=False, notify=print_note) as opened:
        if name is None:
            found = opened.filters()
            if json:
                print_json({"filters": [_facts(each) for each in found]})
            else:
                for each in found:
                    print_plain(_line(each))
                if not found:
                    print_note("No filter was taught yet.")
            return
        if forget:
            if not opened.forget_filter(name):
                raise UnknownFilterError(f"No filter {name!r} was taught. `lookalike teach` lists those that were.")
            if json:
                print_json({"forgotten": name})
            return
        if not examples and not tagged and not refused:
            probe = opened.filter(name)
        else:
            from lookalike.explore.asking import teach as learn

            ids = ids_given(opened, examples)
            for tag in tagged or ():
                carriers = opened.photos_tagged(tag).tolist()
                if not carriers:
                    raise UnknownTagError(f"No photo has the tag {tag!r}. `lookalike tags` lists those that there are.")
                ids.extend(carriers)
            probe = learn(opened, name, ids, ids_given(opened, refused or ()), save=True)
    if json:
        print_json(_facts(probe))
    else:
        print_plain(_line(probe))


def _facts(probe: Probe) -> dict[str, Any]:
    names = ("name", "threshold", "average_precision", "precision", "recall", "prior")
    counts = ("n_examples", "n_negatives", "n_background")
    return {name: getattr(probe, name) for name in (*names, *counts)}


def _line(probe: Probe) -> str:
    taught = count(probe.n_examples, "example")
    if probe.n_negatives:
        taught += f" and {count(probe.n_negatives, 'counterexample')}"
    return (
        f"{one_line(probe.name)}\tfrom {taught}\taverage precision {probe.average_precision:.2f}\t"
        f"at {probe.threshold:.2f}: precision {probe.precision:.2f}, recall {probe.recall:.2f}"
    )
