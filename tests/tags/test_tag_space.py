"""The joint space of tags and photos, and what is suggested from it."""

from __future__ import annotations

import numpy as np
import pytest

from lookalike.errors import InvalidArgumentError
from lookalike.kernels.threads import one_blas_thread
from lookalike.tags.tag_index import TagIndex
from lookalike.tags.tag_map import TagSpread
from lookalike.tags.tag_ranking import Neighbours
from lookalike.tags.tag_space import TagSpace
from lookalike.tags.tag_table import TagTable

NAMES = np.array(["boat", "cat", "dog", "elk", "fox", "gull"], object)


def tagged(labels, every: int = 1):
    return [[NAMES[label]] if row % every == 0 else [] for row, label in enumerate(labels)]


def test_a_tag_that_one_cluster_carries_is_suggested_first_for_its_members(clusters) -> None:
    x, labels = clusters(360, 6)
    index = TagIndex.build(TagSpace.fit(x[:240], tagged(labels[:240])), x[:240])
    for suggested in (index.space.suggest(x[240:], 3), index.suggest(x[240:], 3)):
        right = [suggested.of_photo(row)[0][0] == NAMES[label] for row, label in enumerate(labels[240:])]
        assert np.mean(right) > 0.97


def test_scores_are_probabilities_that_fall(clusters) -> None:
    x, labels = clusters(300, 6, noise=0.9)
    suggested = TagSpace.fit(x, tagged(labels)).suggest(x, 6)
    assert ((suggested.scores >= 0) & (suggested.scores <= 1)).all()
    assert (np.diff(suggested.scores, axis=1) <= 0).all()


def test_scores_are_the_share_that_is_right(clusters) -> None:
    x, labels = clusters(1800, 6, noise=1.3)
    index = TagIndex.build(TagSpace.fit(x[:900], tagged(labels[:900])), x[:900])
    for suggested in (index.space.suggest(x[900:], 1), index.suggest(x[900:], 1)):
        right = np.mean(NAMES[labels[900:]] == np.array(NAMES)[suggested.tags[:, 0]])
        assert 0.3 < right < 0.95  # else it says nothing
        assert abs(right - suggested.scores.mean()) < 0.06


def test_five_examples_each_suffice_among_photos_without_tags(clusters) -> None:
    x, labels = clusters(900, 6)
    tags = [[NAMES[label]] if row < 30 else [] for row, label in enumerate(labels)]
    suggested = TagSpace.fit(x, tags).suggest(x[30:], 1)
    assert np.mean(np.array(NAMES)[suggested.tags[:, 0]] == NAMES[labels[30:]]) > 0.9


def test_a_new_tag_works_from_five_photos_without_a_new_fit(clusters) -> None:
    x, labels = clusters(300, 6)
    space = TagSpace.fit(x, [[NAMES[label]] if label else [] for label in labels])
    rows = np.flatnonzero(labels == 0)[:5]
    taught = space.with_answers(x[rows], accepted=[["boat"]] * 5, rows=rows)
    assert "boat" not in space.names
    near = TagIndex.build(taught, x).nearest_photos("boat", 20)
    assert np.mean([labels[row] == 0 for row, _ in near]) > 0.9
    assert np.allclose(taught.tags[: len(space.names)], space.tags)


def test_answers_give_the_places_that_a_fit_gives_with_the_same_map(clusters) -> None:
    x, labels = clusters(120, 6)
    tags = tagged(labels, every=2)
    space = TagSpace.fit(x, tags)
    rows = np.array([1, 3, 5])
    answered = space.with_answers(x[rows], accepted=[["cat"], [], ["new"]], rejected=[["dog"], ["dog"], []], rows=rows)
    places = space.photos(x)
    cats = [row for row, each in enumerate(tags) if "cat" in each]
    assert np.allclose(answered.sums[answered.number("cat")], places[[*cats, 1]].sum(axis=0), atol=1e-3)
    assert np.allclose(answered.rejected_sums[answered.number("dog")], places[[1, 3]].sum(axis=0), atol=1e-3)
    assert np.allclose(answered.sums[answered.number("new")], places[5], atol=1e-3)
    again = answered.with_answers(x[rows], accepted=[["cat"], ["dog"], []], rows=rows)  # once said, and one taken back
    assert np.allclose(again.sums[again.number("cat")], answered.sums[answered.number("cat")])
    assert np.allclose(again.rejected_sums[again.number("dog")], places[1], atol=1e-3)


def test_a_rejected_or_carried_tag_is_never_suggested_to_that_photo(clusters) -> None:
    x, labels = clusters(120, 6)
    rejected = [[NAMES[label]] if row // 6 % 3 == 1 else [] for row, label in enumerate(labels)]
    tags = [[NAMES[label]] if row // 6 % 3 == 0 else [] for row, label in enumerate(labels)]
    space = TagSpace.fit(x, tags, rejected=rejected)
    suggested = space.suggest(x, 6, rows=np.arange(120))
    for row in range(120):
        names = [name for name, _ in suggested.of_photo(row)]
        assert not {*tags[row], *rejected[row]} & set(names)
        assert len(names) == 6 - len({*tags[row], *rejected[row]})
    later = space.with_answers(x[13:14], accepted=[[]], rejected=[["cat"]], rows=[13])
    assert "cat" in [name for name, _ in space.suggest(x[13:14], 6, rows=[13]).of_photo(0)]
    assert "cat" not in [name for name, _ in later.suggest(x[13:14], 6, rows=[13]).of_photo(0)]


def test_a_rejected_photo_moves_the_tag_away(clusters) -> None:
    x, labels = clusters(120, 6)
    space = TagSpace.fit(x, tagged(labels))
    rows = np.flatnonzero(labels == 1)
    after = space.with_answers(x[rows], accepted=[[]] * len(rows), rejected=[["boat"]] * len(rows), rows=rows)
    before, now = ((each.photos(x[rows]) @ each.tags[each.number("boat")]).mean() for each in (space, after))
    assert now < before


def test_the_same_photos_and_tags_give_the_same_bytes(clusters) -> None:
    x, labels = clusters(200, 6)
    first, second = (TagSpace.fit(x, tagged(labels, every=2), seed=3) for _ in range(2))
    assert first.map.axes.tobytes() == second.map.axes.tobytes()
    assert first.tags.tobytes() == second.tags.tobytes()
    assert first.suggest(x, 5).scores.tobytes() == second.suggest(x, 5).scores.tobytes()


def test_the_map_is_the_same_in_the_space_that_few_photos_span(clusters) -> None:
    from lookalike.tags.tag_map import row_basis

    x, labels = clusters(18, 3)
    table = TagTable.of([[NAMES[label]] for label in labels])
    maps = []
    for basis in (None, row_basis(x)):
        spread = TagSpread(24, np.ones(3), basis)
        spread.add(x, table)
        with one_blas_thread():
            made = spread.map(np.zeros(24, np.float32), 8, 0)
            places = made.places(x)
        maps.append(places @ places.T)
    assert np.allclose(maps[0], maps[1], atol=1e-3 * np.abs(maps[0]).max())


def test_one_index_answers_all_three_questions_as_exact_comparison_does(clusters) -> None:
    x, labels = clusters(240, 6)
    tags = [[NAMES[label], "sea" if label in (0, 5) else "land"] for label in labels]
    space = TagSpace.fit(x, tags)
    index = TagIndex.build(space, x)
    near = space.photos(x[:1]) @ space.tags.T
    assert [name for name, _ in index.nearest_tags(x[0], 3)] == [space.names[i] for i in np.argsort(-near[0])[:3]]
    assert [name for name, _ in index.similar_tags("sea", 3)] == [name for name, _ in space.similar_tags("sea", 3)]
    assert {name for name, _ in space.similar_tags("sea", 2)} == {"boat", "gull"}
    photos = space.photos(x) @ space.tags[space.number("gull")]
    assert {row for row, _ in index.nearest_photos("gull", 5)} == set(np.argsort(-photos)[:5].tolist())


def test_a_photo_is_not_its_own_neighbour_and_only_tagged_ones_vote(clusters) -> None:
    x, labels = clusters(120, 6)
    index = TagIndex.build(TagSpace.fit(x, tagged(labels, every=2)), x)
    rows = np.arange(20)
    found = index.neighbours(x[:20], 7, rows=rows)
    assert not (found.rows == rows[:, None]).any()
    assert (found.rows % 2 == 0).all()
    assert (np.diff(found.cosines, axis=1) <= 0).all()


@pytest.mark.parametrize("n", [1, 3, 12])
def test_few_photos_no_tags_and_equal_photos_are_no_error(n) -> None:
    x = np.ones((n, 8), np.float32)
    for tags in ([[]] * n, [["a"]] * n, [["a", "b"], *[[]] * (n - 1)]):
        space = TagSpace.fit(x, tags)
        suggested = space.suggest(x, 4)
        assert np.isfinite(suggested.scores).all()
        assert np.isfinite(space.tags).all()


def test_tags_that_nobody_carries_any_more_are_not_suggested(clusters) -> None:
    x, labels = clusters(60, 6)
    table = TagTable.of(tagged(labels), [*NAMES, "nobody's"])
    assert (TagSpace.fit(x, table).suggest(x, 10).tags != 6).all()


def test_wrong_arguments_are_named(clusters) -> None:
    x, labels = clusters(60, 6)
    space = TagSpace.fit(x, tagged(labels))
    with pytest.raises(InvalidArgumentError, match=r"`tags` are of 59"):
        TagSpace.fit(x, tagged(labels)[:59])
    with pytest.raises(InvalidArgumentError, match=r"the text 'boat'"):
        TagSpace.fit(x, ["boat"] * 60)
    with pytest.raises(InvalidArgumentError, match=r"`rows` must be from 0 to 59"):
        space.suggest(x[:1], rows=[60])
    with pytest.raises(InvalidArgumentError, match=r"'unicorn'"):
        space.similar_tags("unicorn")
    with pytest.raises(InvalidArgumentError, match=r"`accepted` has 2 entries"):
        space.with_answers(x[:1], accepted=[[], []])
    with pytest.raises(InvalidArgumentError, match=r"`neighbours` are of 2"):
        space.suggest(x[:1], neighbours=Neighbours(np.zeros((2, 1), np.int64), np.zeros((2, 1), np.float32)))
    with pytest.raises(InvalidArgumentError, match=r"a photo twice"):
        space.with_answers(x[:2], accepted=[["boat"], ["cat"]], rows=[3, 3])
    for mean in (None, np.zeros(4)):
        with pytest.raises(InvalidArgumentError, match=r"not finite"):
            TagSpace.fit(np.full((60, 4), np.nan, np.float32), tagged(labels), mean=mean)
