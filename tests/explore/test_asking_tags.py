"""Tags of a collection: suggested from the first example on, answers heeded at once, the map kept and renewed."""

from __future__ import annotations

import shutil
import threading
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

import lookalike
from lookalike.collection import learned_tags
from lookalike.errors import InvalidArgumentError, UnknownPhotoError, UnknownTagError
from lookalike.explore.asking_tags import (
    accept_tags,
    evaluate_score,
    evaluate_tag_suggestions,
    nearest_photos_of_tag,
    reject_tags,
    similar_tags,
    suggest_tags,
)
from lookalike.tags.tag_file import TAG_FILE, LearnedTags
from lookalike.tags.tag_space import TagSpace

POTTERY = "nmk-ancient-pottery-collection"


@pytest.fixture
def photos(demo_collection: Path, tmp_path: Path) -> Iterator[lookalike.Collection]:
    """Photos of which nothing is learned yet, whatever other tests have asked of the shared collection."""
    unlearned = shutil.ignore_patterns("tags.safetensors", "tags-*.index")
    path = shutil.copytree(demo_collection, tmp_path / "photos.lookalike", ignore=unlearned)
    with lookalike.Collection.open(path) as photos:
        yield photos


def kinds(photos: lookalike.Collection) -> dict[str, list[int]]:
    """Ids of the photos of each folder, by name: they differ from one ingest to the next, the photos do not."""
    found: dict[str, list[int]] = {}
    for record in sorted(photos.photos_after(0, 1000), key=lambda record: record.path):
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
    learned_tags._NOW.clear()
    assert suggest_tags(photos, ids[0], 5) == first, "read from its file"
    assert len(fits) == 1
    photos.tag(ids[:5], "few more")
    assert "fewmore" in {each.tag for each in similar_tags(photos, "korean", 1000)}, "known at once"
    assert len(fits) == 1
    photos.tag(ids[:100], "many more")
    suggest_tags(photos, ids[0], 5)
    assert len(fits) == 2


def places_of(state: learned_tags.CollectionTags) -> dict[str, np.ndarray]:
    space = state.index.space
    return {name: space.tags[number] for number, name in enumerate(space.names) if space.tags[number].any()}


def test_what_changes_is_followed_as_if_all_was_read(
    photos: lookalike.Collection, monkeypatch: pytest.MonkeyPatch
) -> None:
    suggest_tags(photos, 1, 5)
    fits, ids = count_fits(monkeypatch), photos.ids().tolist()
    steps = (
        lambda: photos.tag(ids[:3], "Brand New"),
        lambda: photos.untag(ids[1], "brand new"),
        lambda: photos.reject_tags(ids[5], "brand new"),
        lambda: photos.reject_tags(ids[6], "brand new", "never carried"),
        lambda: photos.rename_tag("brand new", "Newer"),
        lambda: photos.tag(ids[6], "newer"),
        lambda: photos.untag(ids[:10], "newer"),
        lambda: photos.tag(ids[7:9], "newer", "Korean"),
        lambda: photos.remember_query("korean"),
    )
    for step in steps:
        step()
        followed = learned_tags.tags_now(photos)
        learned_tags._NOW.clear()
        anew = learned_tags.tags_now(photos)
        learned_tags._NOW[photos] = learned_tags._Kept(state=followed)
        assert followed is not None
        assert anew is not None
        ours, theirs = places_of(followed), places_of(anew)
        assert ours.keys() == theirs.keys()
        for name, place in ours.items():
            assert np.allclose(place, theirs[name], atol=1e-5), name
            near = [[cosine for _, cosine in state.similar(name, 5)] for state in (followed, anew)]
            assert near[0] == pytest.approx(near[1], abs=1e-3)
        assert len(followed.index.index) == len(ids) + len(ours)
        for photo in ids[:12]:
            for suggested, right in zip(suggest_tags(photos, photo, 5), _by(anew, photos, photo), strict=True):
                assert suggested.score == pytest.approx(right[1], abs=1e-4)
    assert not fits


def _by(state: learned_tags.CollectionTags, photos: lookalike.Collection, photo: int) -> list[tuple[str, float]]:
    return state.suggest(photos.raw_embeddings([photo])[0], 5, photo_id=photo)


def test_a_tag_of_one_photo_is_suggested_for_others(photos: lookalike.Collection) -> None:
    photos.tag(1, "only here")
    assert "onlyhere" in [each.tag for each in suggest_tags(photos, 2, None)]


def test_as_many_are_found_as_there_are_however_many_are_wanted(photos: lookalike.Collection) -> None:
    n_tags = len(photos.tag_counts(limit=10_000))
    assert len(nearest_photos_of_tag(photos, "korean", 10**12)) == len(photos)
    assert len(similar_tags(photos, "korean", 10**12)) == n_tags - 1
    assert suggest_tags(photos, 1, 10**12) == suggest_tags(photos, 1, None)


def test_the_index_answers_as_comparing_all_does(photos: lookalike.Collection) -> None:
    state = learned_tags.tags_now(photos)
    assert state is not None
    space, ids = state.index.space, photos.ids()
    places = space.photos(photos.raw_embeddings(ids))
    for number in range(0, len(space.names), 7):
        cosines = places @ space.tags[number]
        found = nearest_photos_of_tag(photos, space.names[number], 20)
        assert [each.cosine for each in found] == pytest.approx(np.sort(cosines)[::-1][:20].tolist(), abs=2e-3)
        assert {each.id for each in found if each.carries} <= set(photos.photos_tagged(space.names[number]).tolist())
        similar = space.similar_tags(number, 10)
        assert [each.cosine for each in similar_tags(photos, space.names[number], 10)] == pytest.approx(
            [cosine for _, cosine in similar], abs=2e-3
        )
    tagged = np.flatnonzero(space.carried.per_photo() > 0)
    for row in range(0, len(ids), 11):
        others = tagged[tagged != row]
        found = state.index.neighbours(photos.raw_embeddings([ids[row]]), rows=np.array([row]))
        exact = np.sort(places[others] @ places[row])[::-1][:30]
        assert found.cosines[0].tolist() == pytest.approx(exact.tolist(), abs=2e-3)


def test_photos_that_come_and_go_are_followed(photos: lookalike.Collection, tmp_path: Path) -> None:
    pottery = kinds(photos)[POTTERY]
    photos.tag(pottery[:5], "Pot")
    nearest_photos_of_tag(photos, "pot", 5)
    folder = tmp_path / "new"
    folder.mkdir()
    path = folder / f"pot{photos.file(pottery[0]).suffix}"
    path.write_bytes(photos.file(pottery[0]).read_bytes() + b"\0")  # other bytes, the same picture
    photos.add(folder)
    (new,) = set(photos.ids().tolist()) - {each for group in kinds(photos).values() for each in group if each < 154}
    assert new in {each.id for each in nearest_photos_of_tag(photos, "pot", 6)}
    assert suggest_tags(photos, new, 40)
    photos.tag(new, "one of a kind")
    assert similar_tags(photos, "one of a kind", 3)
    path.unlink()
    photos.add(folder)
    assert new not in {each.id for each in nearest_photos_of_tag(photos, "pot", 200)}
    with pytest.raises(UnknownTagError):
        similar_tags(photos, "one of a kind", 3)


def test_of_many_photos_the_map_is_learned_beside_the_questions(
    photos: lookalike.Collection, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(learned_tags, "_SMALL", 10)
    ids = photos.ids().tolist()
    suggest_tags(photos, ids[0], 5)
    before = learned_tags.tags_now(photos)
    photos.tag(ids[:100], "many more")
    learning, learned = threading.Event(), learned_tags._learned

    def waiting(*given: object) -> learned_tags.CollectionTags | None:
        assert learning.wait(60)
        return learned(*given)  # type: ignore[arg-type]

    monkeypatch.setattr(learned_tags, "_learned", waiting)
    assert similar_tags(photos, "many more", 3), "known at once, by the map of before"
    between = learned_tags.tags_now(photos)
    assert before is not None
    assert between is not None
    assert between.learned is before.learned
    learning.set()
    for thread in threading.enumerate():
        if thread.name == "learning tags":
            thread.join(60)
    after = learned_tags.tags_now(photos)
    assert after is not None
    assert after.learned.n_tags == len(after.index.space.carried.tags)


def test_what_is_accepted_and_rejected_makes_the_next_suggestions_better(photos: lookalike.Collection) -> None:
    photos.untag(photos.ids().tolist(), *{tag for _, tag, _ in photos.said_tags()})
    groups = kinds(photos)
    name_of = {photo: f"kind {name}" for name, ids in groups.items() for photo in ids}
    for ids in groups.values():
        photos.tag(ids[0], name_of[ids[0]])
    asked = [photo for ids in groups.values() for photo in ids[1:5]]
    never_shown = [photo for ids in groups.values() for photo in ids[5:]]

    def ndcg() -> np.ndarray:  # each photo deserves one tag
        found = [[each.raw for each in suggest_tags(photos, photo, 5)] for photo in never_shown]
        places = [
            tags.index(name_of[photo]) if name_of[photo] in tags else np.inf
            for tags, photo in zip(found, never_shown, strict=True)
        ]
        return 1 / np.log2(2 + np.array(places))

    before = ndcg()
    for photo in asked:
        suggested = {each.raw for each in suggest_tags(photos, photo, 5)}
        if name_of[photo] in suggested:
            accept_tags(photos, photo, name_of[photo])
        reject_tags(photos, photo, *(suggested - {name_of[photo]}))
    after = ndcg()
    error = (after - before).std(ddof=1) / np.sqrt(len(before))
    told = (
        f"nDCG@5 of {len(before)} photos was {before.mean():.3f} and is {after.mean():.3f}, difference +- {error:.3f}"
    )
    assert (after - before).mean() > error, told


def test_a_file_that_is_damaged_is_made_again(photos: lookalike.Collection) -> None:
    first = suggest_tags(photos, 1, 5)
    path, card = photos.path / TAG_FILE, photos.settings.card
    whole = path.read_bytes()
    rng = np.random.default_rng(0)
    for damage in (b"", b"x", whole[:500], whole[: len(whole) // 2], whole + b"x", rng.bytes(2000)):
        path.write_bytes(damage)
        assert LearnedTags.read(photos.path, card.fingerprint, card.dim) is None
    learned_tags._NOW.clear()
    assert suggest_tags(photos, 1, 5) == first
    assert path.read_bytes() == whole, "the same tags give the same bytes"
    assert LearnedTags.read(photos.path, "0" * 64, card.dim) is None, "another encoder's"
    assert LearnedTags.read(photos.path, card.fingerprint, 7) is None
    (index,) = photos.path.glob("tags-*.index")
    for file in [file for file in index.iterdir() if file.stat().st_size]:  # the lock is empty
        whole = file.read_bytes()
        file.write_bytes(whole[: len(whole) // 2])
        assert LearnedTags.read(photos.path, card.fingerprint, card.dim) is None
        file.write_bytes(whole)
    assert LearnedTags.read(photos.path, card.fingerprint, card.dim) is not None
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
    with pytest.raises(InvalidArgumentError, match="`name` is 5; expected a measure"):
        evaluate_score(photos, 5)  # type: ignore[arg-type]
