"""What understanding photos is worth: every capability against a baseline, calibration, time.

Sets and labels are told in `sets`; one thread, and processor time where time is measured.
"""

from __future__ import annotations

import os

for _name in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "NUMBA_NUM_THREADS"):
    os.environ.setdefault(_name, "1")

import numpy as np  # noqa: E402  the settings above come first

from benchmarks.report import Cell, Report  # noqa: E402
from benchmarks.understanding import hits, joint, looks, mixed, speed, tags, words  # noqa: E402
from benchmarks.understanding.large import large_collection  # noqa: E402
from benchmarks.understanding.sets import labelled_sets  # noqa: E402
from lookalike.collection.ranking import photo_calibration  # noqa: E402


def run(*, quick: bool, reuse: bool = False) -> Report:
    """Measure everything; `quick` takes two sets and few queries, and no collection of 100,000 photos."""
    report = Report("Understanding photos", "understanding")
    summary: list[list[Cell]] = []
    with labelled_sets(quick=quick, reuse=reuse) as sets:
        found = words.word_rows(sets)
        for row in found:
            summary.append(["words to photos, mAP", row[0], row[3], f"{row[4]:.3f} keywords, {row[5]:.3f} chance"])
            summary.append(
                ["words to photos, recall@10", row[0], row[6], f"{row[7]:.3f} keywords, {row[8]:.3f} chance"]
            )
        taught = [row for each in sets for row in words.tagged_rows(each, (0.05, 0.2))]
        summary += [
            [f"a word that {row[1]} carry as a tag, mAP of the others", row[0], row[4], f"{row[5]:.3f} before the tags"]
            for row in taught
        ]
        colours = [looks.colour_row(each) for each in sets[:3]]
        summary += [
            [
                "colours, OKLab distance (less is better)",
                row[0],
                row[2],
                f"{row[3]:.3f} mean colour, {row[5]:.3f} chance",
            ]
            for row in colours
        ]
        styles = looks.style_rows()
        summary += [
            [f"style: {row[0]}, AP", row[1], row[4], f"{row[6]:.3f} statistics alone, {row[8]:.3f} chance"]
            for row in styles
        ]
        compositions = [row for each in sets[:2] for row in looks.composition_rows(each)]
        summary += [
            [f"composition: {row[0]}, found first", row[1], row[3], f"{row[4]:.3f} pixels, {row[5]:.3f} chance"]
            for row in compositions
        ]
        together = [row for each in sets for row in mixed.mixed_rows(each)]
        for row in together:
            parts = f"{row[3]:.3f} photo" + ("" if row[4] == "-" else f", {row[4]:.3f} other part")
            summary.append([f"{row[0]}, mAP", row[1], row[5], parts])
        report.table("Every capability against its baseline", ["capability", "set", "figure", "baseline"], summary)
        report.table("Words to photos", words.COLUMNS, found)
        report.table("Words that some photos carry as a tag, and the photos that do not", words.TAGGED, taught)
        report.table("Colours: mean distance of the ten best to the asked palette", looks.COLOUR_COLUMNS, colours)
        report.table("Styles", looks.STYLE_COLUMNS, styles)
        report.table("Composition: variants of a photo", looks.COMPOSITION_COLUMNS, compositions)
        report.table("Queries of several parts", mixed.COLUMNS, together)
        report.table("Share of hits of the same class, by score", hits.RELIABILITY, hits.reliability_rows(sets))
        in_joint_space = [joint.reliability_row(each) for each in sets]
        report.table("Words in a joint space: class means for texts, share of hits", joint.COLUMNS, in_joint_space)
        cosines = hits.constant_rows("efficientnet-lite2", sets)
        constant = photo_calibration(sets[0].photos.settings.card)
        assert constant is not None
        spread = [row for each in sets[1:3] for row in hits.spread_rows(each, constant)]
        cuts = [row for each in sets for row in hits.cut_rows(each, 30 if quick else 200)]
        large = None if quick else large_collection(sets[:2])
        regions = [speed.region_row(sets[0].photos, n_queries=30 if quick else 100)]
    if not quick:
        with labelled_sets(quick=False, reuse=True, encoder="efficientnet-lite0") as others:
            cosines += hits.constant_rows("efficientnet-lite0", others)
    report.table("The constant of photos: expected calibration error, and hits of .8 to .9", hits.CONSTANTS, cosines)
    report.table(
        "Other spaces of the same photos: a fixed constant, and one by the spread of cosines",
        ["set", "space", "same class in first 20", "error, fixed", "error, by spread"],
        spread,
    )
    report.table("Where lists end", ["set", "by", "precision", "recall", "F1", "median length"], cuts)
    if large is not None:
        rows = speed.latency_rows(large, n_queries=100)
        report.table("Queries on 100,000 photos: processor time, one thread", speed.LATENCY, rows)
        report.table(
            "Tags of 100,000 photos, 2,000 of them: processor time, one thread",
            tags.COLUMNS,
            tags.tag_rows(large, n=100),
        )
        report.table(
            "Candidates: the 20 best against scoring every photo",
            ["query", "queries", "candidates of either kind", "of the 20 best"],
            [speed.candidates_row(large, n_queries=30)],
        )
        report.table("A text in a joint space, 100,000 x 512: processor time", speed.LATENCY, joint.latency_rows())
    report.table("A part of a photo, on the demo: processor time, one thread", speed.LATENCY, regions)
    worst = min(float(row[6]) for row in together)
    report.notes += [
        f"Goal: a query of several parts is never worse than its best part. Worst difference of mAP: {worst:+.3f}.",
        "Goal: of hits that score .8 to .9, 80 to 90 % are of the same class.",
        "Goal: a query of several parts takes at most 50 ms at the 95th percentile, on 100,000 photos.",
        "What `add` costs with everything on has a page of its own: `python -m benchmarks cost`.",
        "Recall@10 is counted of the relevant photos that can be among ten. Lists of words end where search ends them; "
        "what is not in them counts as not found.",
        "The collection of 100,000 photos is written, not read: 30,000 real embeddings of CIFAR-10 and moved copies, "
        "with what was seen in other photos (benchmarks/understanding/large.py).",
    ]
    assert np.isfinite(worst)
    return report
