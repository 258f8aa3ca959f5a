"""Tags of a collection: suggested from five examples on, answers heeded at once, the learned map kept and renewed."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

import lookalike
from lookalike.errors import InvalidArgumentError, UnknownPhotoError, UnknownTagError
from lookalike.explore import collection_tags
from lookalike.explore.asking_tags import (
    accept_tags,
    evaluate_score,
    evaluate_tag_suggestions,
    nearest_photos_of_tag,
    reject_tags,
    similar_tags,
    suggest_tags,
)
from lookalike.explore.tag_file import TAG_FILE, LearnedTags
from lookalike.explore.tag_space import TagSpace

POTTERY = "nmk-ancient-pottery-collection"


@pytest.fixture
def photos(demo_collection: Path, tmp_path: Path) -> Iterator[lookalike.Collection]:
    with lookalike.Collection.open(shutil.copytree(demo_collection, tmp_path / "photos.lookalike")) as photos:
        yield photos


def kinds(photos: lookalike.Collection) -> dict[str, list[int]]:
    found: dict[str, list[int]] = {}
    for record in photos.photos_after(0, 1000):
        found.setdefault(Path(record.path).parent.name, []).append(record.id)
    return found


def count_fits(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    fits: list[int] = []
    fit = TagSpace.fit

    def counted(*given: object, **named: object) -> TagSpace:
        fits.append(1)
        return fit(*given, **named)  # type: ignore[arg-type]

    monkeypatch.setattr(TagSpace, "fit", counted)
    return fits


def test_tags_of_five_examples_are_suggested_for_the_rest_of_their_kind(photos: lookalike.Collection) -> None:
    groups = kinds(photos)
    for name, ids in groups.items():
        photos.tag(ids[:5], f"kind {name}")
    rest = [(name, photo) for name, ids in groups.items() for photo in ids[5:]]
    right = 0
    for name, photo in rest:
        suggested = [each.raw for each in suggest_tags(photos, photo, 10)]
        ours = [raw for raw in suggested if raw.startswith("kind ")]
        right += ours[:1] == [f"kind {name}"]
    assert len(groups) == 16
    assert right >= 0.7 * len(rest), f"{right} of {len(rest)}; required are 70 %"


def test_what_a_photo_has_or_had_rejected_is_not_suggested(photos: lookalike.Collection) -> None:
    photo = kinds(photos)[POTTERY][0]
    photos.untag(photo, *(tag.tag for tag in photos.tags(photo) if ":" not in tag.tag))
    first, second, *_ = suggest_tags(photos, photo, 5)
    assert first.score >= second.score > 0
    accept_tags(photos, photo, first.raw)
    assert next(tag.origin for tag in photos.tags(photo) if tag.tag == first.tag) == "user"
    reject_tags(photos, photo, second.raw)
    again = {each.tag for each in suggest_tags(photos, photo, 1000)}
    assert not {first.tag, second.tag} & again
    photos.rename_tag(second.raw, "another name")
    assert "anothername" not in {each.tag for each in suggest_tags(photos, photo, 1000)}


def test_a_photo_outside_of_the_collection_gets_suggestions(photos: lookalike.Collection, tmp_path: Path) -> None:
    photo = kinds(photos)[POTTERY][0]
    known = photos.file(photo).read_bytes()
    outside = known + b"\0"  # other bytes, the same picture
    suggested = {each.tag for each in suggest_tags(photos, outside, 5)}
    assert suggested & {tag.tag for tag in photos.tags(photo)}
    with pytest.raises(UnknownPhotoError):
        suggest_tags(photos, 10**9)


def test_photos_of_a_tag_are_those_that_have_it_and_those_like_them(photos: lookalike.Collection) -> None:
    pottery = kinds(photos)[POTTERY]
    photos.tag(pottery[:5], "Pot")
    found = nearest_photos_of_tag(photos, "pot", 12)
    assert [each.cosine for each in found] == sorted((each.cosine for each in found), reverse=True)
    assert {each.id for each in found if each.carries} == set(pottery[:5])
    assert set(pottery[5:]) & {each.id for each in found}
    assert "pot" not in {each.tag for each in similar_tags(photos, "Pot", 1000)}
    with pytest.raises(UnknownTagError, match="lookalike tags"):
        nearest_photos_of_tag(photos, "no such tag")
    with pytest.raises(UnknownTagError):
        similar_tags(photos, "no such tag")


def test_tags_of_the_same_photos_are_most_alike(photos: lookalike.Collection) -> None:
    pottery = kinds(photos)[POTTERY]
    photos.tag(pottery, "one", "two")
    cosines = {each.tag: each.cosine for each in similar_tags(photos, "one", 1000)}
    assert cosines["two"] == pytest.approx(1, abs=1e-5) == pytest.approx(max(cosines.values()), abs=1e-5)


def test_without_tags_nothing_is_suggested(photos: lookalike.Collection) -> None:
    ids = photos.ids().tolist()
    photos.untag(ids, *{tag for _, tag, _ in photos.said_tags()})
    assert suggest_tags(photos, ids[0]) == []
    photos.tag(ids[:5], "first")
    assert [each.tag for each in suggest_tags(photos, ids[9], 3)] == ["first"]


def test_the_map_is_learned_once_and_anew_when_a_tenth_has_changed(
    photos: lookalike.Collection, monkeypatch: pytest.MonkeyPatch
) -> None:
    fits = count_fits(monkeypatch)
    ids = photos.ids().tolist()
    first = suggest_tags(photos, ids[0], 5)
    collection_tags._NOW.clear()
    assert suggest_tags(photos, ids[0], 5) == first, "read from its file"
    assert len(fits) == 1
    photos.tag(ids[:5], "few more")
    assert "fewmore" in {each.tag for each in similar_tags(photos, "korean", 1000)}, "known at once"
    assert len(fits) == 1
    photos.tag(ids[:100], "many more")
    suggest_tags(photos, ids[0], 5)
    assert len(fits) == 2


def test_a_file_that_is_damaged_is_made_again(photos: lookalike.Collection) -> None:
    first = suggest_tags(photos, 1, 5)
    path, card = photos.path / TAG_FILE, photos.settings.card
    whole = path.read_bytes()
    rng = np.random.default_rng(0)
    for damage in (b"", b"x", whole[:500], whole[: len(whole) // 2], whole + b"x", rng.bytes(2000)):
        path.write_bytes(damage)
        assert LearnedTags.read(photos.path, card.fingerprint, card.dim) is None
    collection_tags._NOW.clear()
    assert suggest_tags(photos, 1, 5) == first
    assert path.read_bytes() == whole, "the same tags give the same bytes"
    assert LearnedTags.read(photos.path, "0" * 64, card.dim) is None, "another encoder's"
    assert LearnedTags.read(photos.path, card.fingerprint, 7) is None
    assert lookalike.Collection.verify(photos.path).is_clean


def test_suggestions_are_better_than_popularity(photos: lookalike.Collection) -> None:
    found = evaluate_tag_suggestions(photos, k=5)
    ours, popular = found.figures["space+votes"], found.figures["popularity"]
    for mine, theirs, name in zip(ours, popular, ("precision", "recall", "nDCG"), strict=True):
        assert mine.mean > theirs.mean + 2 * theirs.standard_error, f"{name}: {mine.mean:.3f}, {theirs.mean:.3f}"


def test_a_score_is_compared_with_what_people_marked(photos: lookalike.Collection) -> None:
    with pytest.raises(InvalidArgumentError, match=r"`nsfw:is=yes`"):
        evaluate_score(photos, "nsfw")
    ids, scores = photos.scores_of("nsfw")
    order = ids[np.argsort(-scores)].tolist()
    photos.tag(order[:5], "nsfw:is=yes")
    photos.tag(order[5:20], "nsfw:is=no")
    found = evaluate_score(photos, "nsfw")
    assert (found.n_yes, found.n_no, found.area, found.average_precision) == (5, 15, 1.0, 1.0)
    assert evaluate_score(photos, "nsfw", yes="nsfw:is=no", no="nsfw:is=yes").area == 0.0
    with pytest.raises(InvalidArgumentError, match="no style"):
        evaluate_score(photos, "nothing")
