"""Words in the space of a joint encoder: a text finds what it names, as the encoder's own cosines rank it."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest

import lookalike
from lookalike.collection.joint_space import JointSpace
from lookalike.collection.ranking import DOUBT_OF_WORDS, Part, fused, text_calibration
from lookalike.errors import EncoderError, FormatError
from lookalike.index.live import LiveIndex

COLOURS = ("red", "green", "blue", "yellow", "grey", "black")


@pytest.fixture
def photos(joint_collection: Path) -> Iterator[lookalike.Collection]:
    with lookalike.Collection.open(joint_collection, create=False) as opened:
        yield opened


def colour(hit: lookalike.Hit) -> str:
    return COLOURS[int(Path(hit.path).stem) % 6]


def cosines(photos: lookalike.Collection, text: str) -> np.ndarray:
    """Cosines of a text with all photos, by the encoder alone."""
    words = photos.encoder.text_encoder()
    assert words is not None
    return photos.raw_embeddings(photos.ids()) @ words.encode([text])[0]


@pytest.mark.parametrize("word", COLOURS[:4])
def test_a_word_finds_the_photos_that_it_names(photos: lookalike.Collection, word: str) -> None:
    result = photos.search(words=word, k=15)
    assert {colour(hit) for hit in result} == {word}
    assert result.stats.words == "joint"
    assert result.stats.method == "words"


def test_photos_are_ranked_by_the_cosines_of_text_and_embedding(photos: lookalike.Collection) -> None:
    for text in ("red", "green blue", "a photo of yellow"):
        exact = cosines(photos, text)
        scores = text_calibration(exact)(exact)
        hits = photos.search(words=text, k=90)
        assert len(hits) == 90, "as for a photo, all are ranked"
        np.testing.assert_allclose([hit.score for hit in hits], -np.sort(-scores), atol=1e-4)
        places = np.searchsorted(photos.ids(), [hit.id for hit in hits])
        assert np.diff(exact[places]).max() < 1e-5


def test_the_mean_of_photos_changes_the_order_and_is_undone(photos: lookalike.Collection) -> None:
    exact = cosines(photos, "yellow")
    words = photos.encoder.text_encoder()
    assert words is not None
    centred = photos.embeddings(photos.ids()) @ words.encode(["yellow"])[0]
    assert (np.argsort(-exact) != np.argsort(-centred)).any(), "else these photos show nothing"
    found = [hit.id for hit in photos.search(words="yellow", k=20)]
    np.testing.assert_allclose(exact[np.searchsorted(photos.ids(), found)], -np.sort(-exact)[:20], atol=1e-5)


def test_words_are_taken_away_weighed_and_mixed(photos: lookalike.Collection) -> None:
    ids = photos.ids()
    red, yellow = (text_calibration(each)(each) for each in (cosines(photos, "red"), cosines(photos, "yellow")))
    parts = [Part("red", 2.0, red, DOUBT_OF_WORDS), Part("yellow", -1.0, yellow, DOUBT_OF_WORDS)]
    expected = fused(parts, len(ids))
    hits = photos.search("2:red -yellow", k=15)
    np.testing.assert_allclose([hit.score for hit in hits], -np.sort(-expected)[:15], atol=1e-4)
    blue = next(hit.id for hit in photos.search(words="blue"))
    mixed = photos.search(f"photo:{blue} blue", k=10)
    assert {colour(hit) for hit in mixed} == {"blue"}
    assert set(mixed[0].parts) == {"photo", "words"}


def test_a_filter_changes_no_score(photos: lookalike.Collection) -> None:
    scores = {hit.id: hit.score for hit in photos.search(words="green", k=90)}
    some = photos.ids()[::7].tolist()
    within = lookalike.Within(ids=some)
    few = photos.search(words="green", k=90, within=within)
    assert sorted(hit.id for hit in few) == some
    np.testing.assert_allclose([hit.score for hit in few], [scores[hit.id] for hit in few], atol=1e-6)


def test_texts_come_before_what_is_seen(joint_collection: Path, tmp_path: Path) -> None:
    path = shutil.copytree(joint_collection, tmp_path / "x.lookalike")
    with lookalike.Collection.open(path) as photos:
        blue = [hit.id for hit in photos.search(words="blue", k=3)]
        photos.tag(blue, "red")
        assert sorted(hit.id for hit in photos.search(words="red", k=3)) == sorted(blue)


def test_a_text_of_no_known_word_finds_nothing(photos: lookalike.Collection) -> None:
    assert len(photos.search(words="zebra")) == 0
    assert len(photos.search("-zebra", k=90)) == 90


def test_it_is_told_which_space_is_at_work(photos: lookalike.Collection, demo_collection: Path) -> None:
    assert photos.word_method == "the joint space of colours-and-words"
    with lookalike.Collection.open(demo_collection, create=False) as others:
        assert others.search(words="moon").stats.words == "classes"
        assert others.search(photo=int(others.ids()[0])).stats.words is None


@pytest.mark.parametrize("lost", ["words.onnx", "tokenizer.json"])
def test_a_lost_text_side_is_told_and_words_are_looked_for_in_texts(
    joint_pair: Path, joint_collection: Path, tmp_path: Path, lost: str
) -> None:
    card, notes = shutil.copytree(joint_pair.parent, tmp_path / "pair") / "card.toml", []
    with lookalike.Collection.open(tmp_path / "x.lookalike", encoder=str(card), nsfw=False) as photos:
        photos.add(*sorted(joint_collection.parent.glob("0*.png")))
    (card.parent / lost).unlink()
    with lookalike.Collection.open(tmp_path / "x.lookalike", notify=notes.append) as photos:
        assert photos.search(words="red").stats.words == "texts"
        assert [hit.path[-6:] for hit in photos.search(words="04")] == ["04.png"]
        assert photos.word_method.startswith("texts only; the text side of colours-and-words cannot be used: ")
        assert lost in photos.word_method
    assert notes == [f"Words are looked for by: {photos.word_method}"], "told once"
    shutil.copy(joint_pair.parent / lost, card.parent)
    with lookalike.Collection.open(tmp_path / "x.lookalike") as photos:
        assert colour(photos.search(words="red")[0]) == "red"


def test_a_lost_text_side_gives_way_to_classes_where_there_are_any(
    joint_pair: Path, joint_collection: Path, tmp_path: Path
) -> None:
    card = shutil.copytree(joint_pair.parent, tmp_path / "pair") / "card.toml"
    text = card.read_text().replace("dim = 4", 'dim = 4\nlabels = "imagenet-1k"')
    card.write_text(text.replace('input = "pixels"', 'input = "pixels"\nlogits = "logits"'))
    with lookalike.Collection.open(tmp_path / "x.lookalike", encoder=str(card), nsfw=False) as photos:
        photos.add(*sorted(joint_collection.parent.glob("0*.png")))
        assert photos.search(words="red").stats.words == "joint"
    card.rename(card.with_name("away.toml"))
    with lookalike.Collection.open(tmp_path / "x.lookalike") as photos:
        assert photos.search(words="red").stats.words == "classes"
        assert photos.word_method.startswith("classes of colours-and-words by minilm-l6 (ConSE); the text side of ")
        assert "card.toml cannot be read" in photos.word_method


@pytest.mark.parametrize(("output", "says"), [("", "no logits"), ('logits = "embedding"', r"shape \(n, 4\)")])
def test_labels_that_the_logits_cannot_give_are_told_before_photos_are_added(
    joint_pair: Path, tmp_path: Path, output: str, says: str
) -> None:
    card = shutil.copytree(joint_pair.parent, tmp_path / "pair") / "card.toml"
    text = card.read_text().replace("dim = 4", 'dim = 4\nlabels = "imagenet-1k"')
    card.write_text(text.replace('input = "pixels"', f'input = "pixels"\n{output}'))
    with pytest.raises(EncoderError, match=says):
        lookalike.Collection.open(tmp_path / "x.lookalike", encoder=str(card), nsfw=False)
    assert not (tmp_path / "x.lookalike").exists()


def test_cosines_are_the_encoders_own_from_segments_and_from_memory(tmp_path: Path) -> None:
    rng, dim = np.random.default_rng(0), 24
    raw = rng.normal(size=(3000, dim)).astype(np.float32) + np.linspace(0, 2, dim, dtype=np.float32)
    raw /= np.linalg.norm(raw, axis=1, keepdims=True)
    words = rng.normal(size=(1, dim)).astype(np.float32)
    words /= np.linalg.norm(words)
    shape = {"dim": dim, "metric": "cosine", "centred": True, "train_from": 2048, "flush_at": 2048}
    with LiveIndex(tmp_path / "x.sqlite", tmp_path, **shape) as index:
        index.add(raw[:2500], np.arange(2500))
        index.wait()
        index.add(raw[2500:], np.arange(2500, 3000))
        index.remove(np.arange(0, 3000, 7))
        state = index.snapshot()
        assert state.segments
        assert sum(len(rows) for rows in state.memory) > 0
        ids = state.ids()
        mean = state.space.mean
        assert mean is not None
        assert np.linalg.norm(mean) > 0.5
        background = SimpleNamespace(sample=lambda state: (ids, state.vectors(ids)))
        space = JointSpace(SimpleNamespace(encode=lambda texts: words))
        exact = raw[ids] @ words[0]
        for some in (ids, ids, ids[::9]):
            expected = text_calibration(exact)(raw[some] @ words[0])
            np.testing.assert_allclose(space.scores("x", state, some, background), expected, atol=2e-3)
        assert np.isnan(state.products(words[0], np.array([7, 8]))).tolist() == [True, False]


def test_few_photos_are_all_ranked(joint_pair: Path, joint_collection: Path, tmp_path: Path) -> None:
    with lookalike.Collection.open(tmp_path / "x.lookalike", encoder=str(joint_pair), nsfw=False) as photos:
        for query in ("red", "-red", "red cut:yes"):
            assert len(photos.search(query)) == 0
        for n in (1, 2, 6):
            photos.add(*sorted(joint_collection.parent.glob("0*.png"))[:n])
            hits = photos.search(words="red", k=10)
            assert len(hits) == n
            assert colour(hits[0]) == "red"


def test_a_text_side_added_later_is_used(joint_pair: Path, joint_collection: Path, tmp_path: Path) -> None:
    card = shutil.copytree(joint_pair.parent, tmp_path / "pair") / "card.toml"
    whole = card.read_text()
    card.write_text(whole[: whole.index("[text]")])
    with lookalike.Collection.open(tmp_path / "x.lookalike", encoder=str(card), nsfw=False) as photos:
        photos.add(*sorted(joint_collection.parent.glob("0*.png")))
        assert photos.word_method == "texts only"
        assert len(photos.search(words="red")) == 0
    card.write_text(whole)
    with lookalike.Collection.open(tmp_path / "x.lookalike") as photos:
        assert colour(photos.search(words="red")[0]) == "red"


def test_a_text_side_that_does_not_work_is_told_before_photos_are_added(joint_pair: Path, tmp_path: Path) -> None:
    card = shutil.copytree(joint_pair.parent, tmp_path / "pair") / "card.toml"
    (card.parent / "words.onnx").write_bytes(b"")
    with pytest.raises(EncoderError, match="has sha256"):
        lookalike.Collection.open(tmp_path / "x.lookalike", encoder=str(card))
    card.write_text(card.read_text().replace("[text]", "[text]\nspeed = 3"))
    with pytest.raises(FormatError, match="speed"):
        lookalike.Collection.open(tmp_path / "x.lookalike", encoder=str(card))
    assert not (tmp_path / "x.lookalike").exists()
