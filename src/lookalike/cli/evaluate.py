"""`lookalike evaluate`: how good suggestions, NSFW scores, styles and taught filters are on one's own photos."""

from __future__ import annotations

import math
from dataclasses import asdict
from typing import TYPE_CHECKING, Annotated

import typer

from lookalike.cli.options import DEFAULT_COLLECTION, CollectionOption, JsonOption
from lookalike.cli.terminal import print_json, print_note, print_plain
from lookalike.cli.wording import count

if TYPE_CHECKING:
    from lookalike.explore.score_evaluation import ScoreEvaluation
    from lookalike.explore.tag_evaluation import TagEvaluation

__all__ = ["evaluate"]

_NAMES = {
    "popularity": "the most frequent tags",
    "knn": "votes of the 10 nearest",
    "space": "joint space",
    "space+knn": "joint space and votes by embedding",
    "space+votes": "joint space and votes in it (used)",
}


def evaluate(
    what: Annotated[
        str,
        typer.Argument(metavar="tags|nsfw|NAME", help="Suggested tags, NSFW, a style, or a taught filter."),
    ],
    *,
    collection: CollectionOption = DEFAULT_COLLECTION,
    k: Annotated[
        int | None,
        typer.Option("-k", min=1, max=100, metavar="N", help="Of tags: suggestions for a photo; default 5."),
    ] = None,
    rounds: Annotated[
        int | None,
        typer.Option(
            "--rounds", min=1, max=5, metavar="N", help="Of tags: fifths of the photos hidden in turn; default 1."
        ),
    ] = None,
    yes: Annotated[
        str | None, typer.Option("--yes", metavar="TAG", help="Tag of photos that are it; default NAME:is=yes.")
    ] = None,
    no: Annotated[
        str | None, typer.Option("--no", metavar="TAG", help="Tag of photos that are not; default NAME:is=no.")
    ] = None,
    json: JsonOption = False,
) -> None:
    """Measure how good something is on your own photos.

    tags: a fifth of the tagged photos loses its tags, and what is suggested is
    compared with them. Else: the score is compared with what you marked, for
    example by `lookalike tag PHOTO nsfw:is=yes`, and nsfw:is=no.
    """
    from lookalike.collection import Collection
    from lookalike.explore.asking_tags import evaluate_score, evaluate_tag_suggestions

    if what == "tags" and (yes is not None or no is not None):
        raise typer.BadParameter("--yes and --no are for scores, not for tags.")
    if what != "tags" and (k is not None or rounds is not None):
        raise typer.BadParameter("-k and --rounds are for tags, not for scores.")
    with Collection.open(collection, create=False, notify=print_note) as photos:
        if what == "tags":
            tags = evaluate_tag_suggestions(photos, k=k or 5, rounds=rounds or 1)
            _tell_tags(tags, json=json)
        else:
            _tell_score(evaluate_score(photos, what, yes=yes, no=no), json=json)


def _tell_tags(found: TagEvaluation, *, json: bool) -> None:
    if json:
        figures = {
            name: {
                key: {"mean": each.mean, "standard_error": each.standard_error}
                for key, each in zip(("precision", "recall", "ndcg"), three, strict=True)
            }
            for name, three in found.figures.items()
        }
        print_json(
            {
                "k": found.k,
                "photos": found.n_photos,
                "hidden": found.n_hidden,
                "tags": found.n_tags,
                "rankings": figures,
                "reliability": [asdict(each) for each in found.reliability],
            }
        )
        return
    hidden = count(found.n_hidden, "photo")
    print_plain(f"{hidden} of {found.n_photos:,} with tags hidden in turn; {count(found.n_tags, 'tag')}.")
    print_plain(f"{'':<34}{f'P@{found.k}':>14}{f'R@{found.k}':>14}{f'nDCG@{found.k}':>14}")
    for name, three in found.figures.items():
        cells = "".join(f"{f'{each.mean:.3f} ±{each.standard_error:.3f}':>14}" for each in three)
        print_plain(f"{_NAMES[name]:<34}{cells}")
    if found.reliability:
        print_plain("Of suggestions with a score of   came true   of")
        for each in found.reliability:
            print_plain(f"  {each.lowest:.1f} to {each.highest:.1f}{each.right:>28.0%}   {each.n:,}")


def _tell_score(found: ScoreEvaluation, *, json: bool) -> None:
    if json:
        facts = asdict(found)
        for row, key in [(facts, "standard_error"), *((row, "precision") for row in facts["thresholds"])]:
            row[key] = None if math.isnan(row[key]) else row[key]
        print_json(facts)
        return
    print_plain(f"{found.n_yes:,} marked yes, {found.n_no:,} marked no.")
    error = "(too few to tell its error)" if math.isnan(found.standard_error) else f"±{found.standard_error:.3f}"
    print_plain(f"Area under the ROC curve {found.area:.3f} {error}")
    print_plain(f"Average precision        {found.average_precision:.3f}")
    print_plain(f"Best threshold by F1     {found.best:.4g}")
    print_plain("threshold  precision  recall  of the others pass")
    for row in found.thresholds:
        precision = "-" if math.isnan(row.precision) else f"{row.precision:.2f}"
        print_plain(f"{row.threshold:>9.4g}  {precision:>9}  {row.recall:>6.2f}  {row.false_positive_rate:>18.2f}")
