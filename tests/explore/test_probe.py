"""A taught filter: what it learns, what it promises, and what it refuses to read."""

from __future__ import annotations

import dataclasses
import json
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from lookalike.collection.probe import Probe
from lookalike.errors import FormatError, InvalidArgumentError
from lookalike.explore.teaching import _PENALTIES, _ridge, fit_probe

DIM = 64
ENCODER = "ab" * 32
Made = tuple[NDArray[np.float32], NDArray[np.int64]]


def photos(seed: int = 0, *, n_each: int = 60, n_classes: int = 12) -> Made:
    """Non-negative unit embeddings of classes that overlap, and their classes."""
    rng = np.random.default_rng(seed)
    centres, moods = rng.gamma(1.0, 1.0, (n_classes, DIM)), rng.gamma(0.3, 3.0, (5, DIM))
    labels = np.repeat(np.arange(n_classes), n_each)
    # Moods, which have nothing to do with the class, differ more than classes do.
    raw = (
        centres[labels] * 0.7
        + rng.gamma(1.0, 1.0, (len(labels), 5)) @ moods * 0.4
        + rng.gamma(1, 0.8, (len(labels), DIM))
    )
    return (raw / np.linalg.norm(raw, axis=1, keepdims=True)).astype(np.float32), labels


def taught(n: int = 20, seed: int = 0) -> tuple[Probe, NDArray[np.float32], NDArray[np.bool_]]:
    """Teach class 0 by n examples among 200 random photos; give the probe, and the photos that it has to judge."""
    embeddings, labels = photos(seed)
    rng = np.random.default_rng(seed + 1)
    shown = rng.choice(np.flatnonzero(labels == 0), n, replace=False)
    rest = np.setdiff1d(np.arange(len(labels)), shown)
    drawn = rng.choice(rest, 200, replace=False)
    probe = fit_probe("zero", embeddings[shown], embeddings[drawn], mean=embeddings.mean(axis=0), encoder=ENCODER)
    return probe, embeddings[rest], labels[rest] == 0


def average_precision(scores: NDArray[np.floating], wanted: NDArray[np.bool_]) -> float:
    hits = wanted[np.argsort(-scores, kind="stable")]
    return float((np.cumsum(hits) / np.arange(1, len(hits) + 1))[hits].mean())


def test_a_probe_ranks_better_than_the_mean_of_its_examples_and_than_the_nearest_of_them() -> None:
    gains = []
    for seed in range(4):
        embeddings, labels = photos(seed)
        probe, judged, wanted = taught(20, seed)
        rng = np.random.default_rng(seed + 1)
        shown = embeddings[rng.choice(np.flatnonzero(labels == 0), 20, replace=False)]
        centre = embeddings.mean(axis=0)
        cosines = (judged - centre) / np.linalg.norm(judged - centre, axis=1, keepdims=True) @ (shown - centre).T
        ours = average_precision(probe.scores(judged), wanted)
        gains.append(
            (ours - average_precision(cosines.mean(1), wanted), ours - average_precision(cosines.max(1), wanted))
        )
    assert np.mean(gains, axis=0).min() > 0, f"gains in average precision: {gains}"


def test_scores_promise_no_more_than_is_kept_on_photos_never_seen() -> None:
    scores, truths = [], []
    for seed in range(6):
        probe, judged, wanted = taught(20, seed)
        scores.append(probe.scores(judged))
        truths.append(wanted)
    score, truth = np.concatenate(scores), np.concatenate(truths)
    assert score.min() >= 0
    assert score.max() <= 1
    kept = []
    for low, high in ((0.0, 0.2), (0.2, 0.5), (0.5, 0.8), (0.8, 1.01)):
        here = (score >= low) & (score < high)
        assert here.sum() > 20
        kept.append(truth[here].mean())
        assert kept[-1] > score[here].mean() - 0.1, (
            f"of scores around {score[here].mean():.2f}, {kept[-1]:.2f} are true"
        )
    assert kept == sorted(kept)
    assert kept[0] < 0.1


def test_the_figures_of_a_probe_promise_no_more_than_is_kept_on_photos_never_seen() -> None:
    errors = []
    for seed in range(6):
        probe, judged, wanted = taught(20, seed)
        passing = probe.accepts(judged)
        errors.append(
            (
                probe.precision - wanted[passing].mean(),
                probe.recall - passing[wanted].mean(),
                probe.average_precision - average_precision(probe.scores(judged), wanted),
            )
        )
    mean = np.mean(errors, axis=0)
    assert mean.max() < 0.1, f"promised less kept, of precision, recall and average precision: {mean}"
    assert mean.min() > -0.3, f"promised less kept, of precision, recall and average precision: {mean}"


def test_left_out_scores_are_those_of_a_fit_without_the_row() -> None:
    rng = np.random.default_rng(3)
    rows, targets = rng.normal(size=(25, 6)), np.repeat([1.0, -1.0], [8, 17])
    weights = rng.random(25)
    weights /= weights.sum()
    columns = np.concatenate([rows, np.ones((25, 1))], axis=1)
    for penalty, fit in zip(_PENALTIES, _ridge(rows, targets, weights), strict=True):
        shrink = penalty * np.diag([1.0] * 6 + [0.0])
        for out in range(25):
            kept = np.arange(25) != out
            c, w = columns[kept], weights[kept]
            line = np.linalg.solve((c * w[:, None]).T @ c + shrink, c.T @ (w * targets[kept]))
            assert columns[out] @ line == pytest.approx(fit.left_out[out], abs=1e-9)
        whole = np.linalg.solve((columns * weights[:, None]).T @ columns + shrink, columns.T @ (weights * targets))
        np.testing.assert_allclose(np.append(fit.direction, fit.intercept), whole, atol=1e-9)


def test_the_same_examples_make_the_same_probe() -> None:
    assert taught()[0].to_json() == taught()[0].to_json()


def test_photos_marked_as_not_it_are_scored_lower() -> None:
    embeddings, labels = photos(7)
    rng = np.random.default_rng(0)
    shown = rng.choice(np.flatnonzero(labels == 0), 10, replace=False)
    rest = np.setdiff1d(np.arange(len(labels)), shown)
    drawn = rng.choice(rest, 150, replace=False)
    made = [
        fit_probe(
            "x", embeddings[shown], embeddings[drawn], negatives=refused, mean=embeddings.mean(0), encoder=ENCODER
        )
        for refused in (None, embeddings[np.flatnonzero(labels == 3)[:10]])
    ]
    others = embeddings[np.flatnonzero(labels == 3)[10:]]
    before, after = (each.weights @ (others - each.mean).T / np.linalg.norm(each.weights) for each in made)
    assert after.mean() < before.mean()
    assert [each.n_negatives for each in made] == [0, 10]


def test_examples_that_nothing_separates_from_the_rest_still_make_a_probe() -> None:
    same = np.full((40, DIM), DIM**-0.5, np.float32)
    probe = fit_probe("same", same[:5], same[5:], mean=np.zeros(DIM), encoder=ENCODER)
    assert np.isfinite(probe.scores(same)).all()
    rng = np.random.default_rng(0)
    apart = np.abs(rng.normal(size=(40, DIM))).astype(np.float32)
    apart[:5] = np.eye(DIM, dtype=np.float32)[0]  # wholly separated: the slope must stay finite
    probe = fit_probe("apart", apart[:5], apart[5:], mean=apart[5:].mean(0), encoder=ENCODER)
    assert probe.accepts(apart[:5]).all()
    assert not probe.accepts(apart[5:]).any()


def test_scores_do_not_depend_on_how_many_are_asked_at_once() -> None:
    probe, judged, _ = taught()
    alone = np.concatenate([probe.scores(judged[row : row + 1]) for row in range(20)])
    np.testing.assert_allclose(alone, probe.scores(judged)[:20], atol=1e-6)
    assert probe.scores(np.zeros((0, DIM))).shape == (0,)


def test_a_probe_comes_back_from_json_as_it_was() -> None:
    probe, judged, _ = taught()
    back = Probe.from_json(probe.to_json())
    assert back.to_json() == probe.to_json()
    np.testing.assert_array_equal(back.scores(judged), probe.scores(judged))


@pytest.mark.parametrize(
    "change",
    [
        {"format": "else"},
        {"format_version": 2},
        {"format_version": True},
        {"weights": "AAAA"},
        {"weights": "not base64 at all"},
        {"weights": ""},
        {"weights": 5},
        {"weights": None},
        {"weights": "AADAfw=="},  # one NaN
        {"bias": "0"},
        {"bias": float("nan")},
        {"bias": True},
        {"threshold": 1.5},
        {"threshold": -0.1},
        {"precision": None},
        {"n_examples": -1},
        {"n_examples": 5.0},
        {"name": ""},
        {"name": "x" * 201},
        {"name": 7},
        {"encoder": "short"},
        {"encoder": None},
        {"more": 1},
    ],
    ids=str,
)
def test_a_damaged_probe_is_refused(change: dict[str, object]) -> None:
    record = json.loads(taught()[0].to_json())
    if change == {"format_version": True}:
        change = {"format_version": "1"}
    with pytest.raises(FormatError):
        Probe.from_json(json.dumps({**record, **change}))


@pytest.mark.parametrize("text", ["", "[]", "{}", "null", "[" * 100_000, "\ud800", '{"format":"lookalike-probe"}'])
def test_what_is_no_probe_is_refused(text: str) -> None:
    with pytest.raises(FormatError):
        Probe.from_json(text)


def test_a_missing_field_is_named() -> None:
    record = json.loads(taught()[0].to_json())
    del record["mean"]
    with pytest.raises(FormatError, match="mean"):
        Probe.from_json(json.dumps(record))


@pytest.mark.parametrize(
    ("examples", "background", "message"),
    [
        (np.zeros((4, DIM)), np.zeros((50, DIM)), "at least 5"),
        (np.zeros((5, DIM)), np.zeros((19, DIM)), "at least 20"),
        (np.zeros((5, DIM + 1)), np.zeros((50, DIM)), "shape"),
        (np.zeros(DIM), np.zeros((50, DIM)), "shape"),
        (np.full((5, DIM), np.nan), np.zeros((50, DIM)), "NaN"),
        (np.zeros((5, DIM)), np.full((50, DIM), np.inf), "NaN"),
        ("photos", np.zeros((50, DIM)), "numbers"),
    ],
)
def test_what_cannot_be_learned_from_is_refused(examples: object, background: object, message: str) -> None:
    with pytest.raises(InvalidArgumentError, match=message):
        fit_probe("x", examples, background, mean=np.zeros(DIM), encoder=ENCODER)  # type: ignore[arg-type]


def test_a_probe_refuses_embeddings_of_another_dimension_and_numbers_that_are_none() -> None:
    probe, judged, _ = taught()
    with pytest.raises(InvalidArgumentError, match="shape"):
        probe.scores(judged[:, :10])
    with pytest.raises(InvalidArgumentError, match="NaN"):
        probe.scores(np.full((2, DIM), np.nan))
    with pytest.raises(InvalidArgumentError, match="weights"):
        dataclasses.replace(probe, weights=probe.weights.astype(np.float64))


def test_a_probe_of_the_first_format_is_read_for_ever() -> None:
    text = (Path(__file__).parent / "golden" / "probe-1.json").read_text(encoding="utf-8")
    probe = Probe.from_json(text)
    assert probe.to_json() == text
    assert probe.name == "Größe 5 – golden"
    np.testing.assert_allclose(probe.scores(np.eye(4)), [0.7986093, 0.0370823, 0.3142991, 0.8332890], atol=1e-6)
    assert probe.accepts(np.eye(4)).tolist() == [True, False, True, True]
