"""The text side of joint encoders: what each keeps, what its vectors are, and what does not fit is refused."""

from __future__ import annotations

import importlib.util
import json
import shutil
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

import lookalike
from lookalike.catalog import FileRecord, NewPhoto
from lookalike.collection.seen import EMPTY, RECIPE
from lookalike.collection.writing import PhotoWriter
from lookalike.encoders import ImageEncoder, TextEncoder, has_text_side, load_encoder
from lookalike.errors import EncoderError, FormatError, InvalidArgumentError

TOOLS = Path(__file__).parents[2] / "tools"
COLOURS = {"red": (220, 20, 30), "green": (20, 170, 50), "blue": (30, 40, 210), "yellow": (230, 220, 30)}
TEXTS = ["red", "a photo of green", "blue", "yellow red"]


@pytest.fixture(scope="module")
def open_clip_name(torch_frameworks: None, tmp_path_factory: pytest.TempPathFactory) -> str:
    """A random OpenCLIP model whose text projection was solved for: names of colours stand where such photos do."""
    import open_clip
    import torch
    from safetensors.torch import save_file

    folder = tmp_path_factory.mktemp("open-clip")
    config = {
        "embed_dim": 32,
        "vision_cfg": {"image_size": 64, "layers": 2, "width": 64, "head_width": 32, "patch_size": 16},
        "text_cfg": {"context_length": 12, "vocab_size": 49408, "width": 32, "heads": 2, "layers": 1},
    }
    (folder / "lookalike-joint.json").write_text(json.dumps(config))
    open_clip.add_model_config(folder / "lookalike-joint.json")
    torch.manual_seed(0)
    model = open_clip.create_model("lookalike-joint", pretrained=None).eval()

    def save() -> str:
        tensors = {name: tensor.contiguous() for name, tensor in model.state_dict().items()}
        save_file(tensors, folder / "clip.safetensors")
        return f"open_clip:lookalike-joint@{folder / 'clip.safetensors'}"

    pictures = [Image.new("RGB", (64, 64), colour) for colour in COLOURS.values()]
    embeddings = load_encoder(save()).encode(pictures).embeddings
    tokens = open_clip.get_tokenizer("lookalike-joint")(list(COLOURS))
    with torch.no_grad():
        model.text_projection.copy_(torch.eye(32))
        states = model.encode_text(tokens)
        model.text_projection.copy_(torch.linalg.pinv(states) @ torch.from_numpy(embeddings - embeddings.mean(0)))
    return save()


@pytest.fixture(params=["ONNX pair", "OpenCLIP"])
def encoder(request: pytest.FixtureRequest, joint_pair: Path) -> ImageEncoder:
    if request.param == "ONNX pair":
        return load_encoder(str(joint_pair))
    return load_encoder(request.getfixturevalue("open_clip_name"))


@pytest.fixture
def words(encoder: ImageEncoder) -> TextEncoder:
    words = encoder.text_encoder()
    assert words is not None
    return words


def test_it_is_a_text_encoder_into_the_space_of_photos(encoder: ImageEncoder, words: TextEncoder) -> None:
    assert isinstance(words, TextEncoder)
    assert words.card.dim == encoder.card.dim
    assert words.card.name == encoder.card.name
    vectors = words.encode(TEXTS)
    assert vectors.shape == (4, encoder.card.dim)
    assert vectors.dtype == np.float32
    np.testing.assert_allclose(np.linalg.norm(vectors, axis=1), 1, atol=1e-5)


def test_a_word_is_nearest_to_photos_of_what_it_names(encoder: ImageEncoder, words: TextEncoder) -> None:
    photos = encoder.encode([Image.new("RGB", (80, 50), colour) for colour in COLOURS.values()]).embeddings
    cosines = words.encode(list(COLOURS)) @ photos.T
    assert cosines.argmax(axis=1).tolist() == [0, 1, 2, 3]


def test_the_same_texts_give_the_same_vectors_alone_or_together(encoder: ImageEncoder, words: TextEncoder) -> None:
    together = words.encode([*TEXTS, "red"])
    np.testing.assert_array_equal(together[0], together[-1])
    again = encoder.text_encoder()
    assert again is not None
    np.testing.assert_allclose(np.concatenate([again.encode([text]) for text in TEXTS]), together[:4], atol=1e-6)
    with ThreadPoolExecutor(4) as pool:
        for vectors in pool.map(again.encode, [TEXTS] * 8):
            np.testing.assert_allclose(vectors, together[:4], atol=1e-6)


def test_no_texts_are_no_vectors_and_what_holds_nothing_is_zero(words: TextEncoder) -> None:
    assert words.encode([]).shape == (0, words.card.dim)
    assert not words.encode(["", " \t", "\0\ud800", "\u200b"]).any()


@pytest.mark.parametrize(
    "text", ["red " * 5000, "red\0\udfff", "\u202ered", "{} red {}", "[END] red", "<|endoftext|> red"]
)
def test_hostile_texts_have_vectors_of_unit_length(words: TextEncoder, text: str) -> None:
    assert np.linalg.norm(words.encode([text])[0]) == pytest.approx(1, abs=1e-5)


def test_what_is_not_texts_is_refused(words: TextEncoder) -> None:
    with pytest.raises(InvalidArgumentError, match="one text"):
        words.encode("red")
    with pytest.raises(InvalidArgumentError, match=r"texts\[1\]"):
        words.encode(["red", 3])  # type: ignore[list-item]


def test_open_clips_text_side_gives_what_open_clip_gives(open_clip_name: str) -> None:
    import open_clip
    import torch
    from safetensors.torch import load_file

    words = load_encoder(open_clip_name).text_encoder()
    assert words is not None
    model = open_clip.create_model("lookalike-joint", pretrained=None).eval()
    model.load_state_dict(load_file(open_clip_name.partition("@")[2]))
    with torch.inference_mode():
        expected = model.encode_text(open_clip.get_tokenizer("lookalike-joint")(TEXTS), normalize=True).numpy()
    np.testing.assert_allclose(words.encode(TEXTS), expected, atol=1e-5)


def test_a_collection_of_open_clips_looks_for_words_in_its_space(open_clip_name: str, tmp_path: Path) -> None:
    pictures = [Image.new("RGB", (64, 64), colour) for colour in COLOURS.values()]
    with lookalike.Collection.open(tmp_path / "x.lookalike", encoder=open_clip_name, nsfw=False) as photos:
        with PhotoWriter(photos.path, 32, background=False) as writer, writer.transaction():
            for number, embedding in enumerate(photos.encoder.encode(pictures).embeddings):
                photo = NewPhoto(
                    sha256=f"{number:064x}",
                    format="jpeg",
                    bytes=1,
                    width=64,
                    height=64,
                    taken_at=None,
                    title=None,
                    facts="{}",
                    text=("", "", ""),
                    embedding=embedding,
                    seen=(RECIPE, *EMPTY.to_row()),
                )
                writer.catalog.put(FileRecord(f"/{number}.jpg", 1, number, None), photo)
        assert photos.word_method == "the joint space of open_clip:lookalike-joint"
        for number, word in enumerate(COLOURS):
            result = photos.search(words=word)
            assert result.stats.words == "joint"
            assert result[0].path == f"/{number}.jpg"


def test_the_onnx_pair_of_an_open_clip_gives_its_vectors(open_clip_name: str, tmp_path: Path) -> None:
    spec = importlib.util.spec_from_file_location("open_clip_pair", TOOLS / "open_clip_pair.py")
    assert spec is not None
    assert spec.loader is not None
    tool = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(tool)
    pair = load_encoder(str(tool.make_pair(open_clip_name.partition(":")[2], tmp_path / "pair", licence="MIT")))
    original = load_encoder(open_clip_name)
    texts = [
        *TEXTS,
        "Two dogs, on the BEACH!",
        "don\u2019t stop-me now",
        "na\xefve caf\xe9 3rd 42",
        "\u4e2d\u6587",
        "red " * 99,
    ]
    words, expected = pair.text_encoder(), original.text_encoder()
    assert words is not None
    assert expected is not None
    np.testing.assert_allclose(words.encode(texts), expected.encode(texts), atol=1e-4)
    rng = np.random.default_rng(0)
    pictures = [Image.fromarray(rng.integers(0, 255, (90, 70, 3), dtype=np.uint8)) for _ in range(3)]
    np.testing.assert_allclose(pair.encode(pictures).embeddings, original.encode(pictures).embeddings, atol=1e-4)
    assert pair.card.licence == "MIT"


def test_an_encoder_of_photos_has_no_text_side(joint_pair: Path, write_card: Callable[..., Path]) -> None:
    assert has_text_side(str(joint_pair))
    assert has_text_side("open_clip:ViT-B-32/laion2b_s34b_b79k")
    for name in ("efficientnet-lite2", "timm:resnet18", str(write_card())):
        assert not has_text_side(name)
    assert load_encoder().text_encoder() is None
    assert load_encoder(str(write_card())).text_encoder() is None


@pytest.fixture
def changed(joint_pair: Path, tmp_path: Path) -> Callable[[str, str], Path]:
    """A copy of the pair with a change in the table [text]."""

    def change(old: str, new: str) -> Path:
        card = shutil.copytree(joint_pair.parent, tmp_path / "pair") / "card.toml"
        before, table, text = card.read_text().partition("[text]")
        assert old in text
        card.write_text(before + table + text.replace(old, new))
        return card

    return change


def vector(card: Path, text: str) -> np.ndarray:
    words = load_encoder(str(card)).text_encoder()
    assert words is not None
    return words.encode([text])[0]


def test_templates_case_and_length_are_those_of_the_card(changed: Callable[[str, str], Path], joint_pair: Path) -> None:
    red = np.array([1, -1, -1, -0.7]) / np.linalg.norm([1, -1, -1, -0.7])
    np.testing.assert_allclose(vector(joint_pair, "a photo of RED"), red, atol=1e-6)
    np.testing.assert_array_equal(vector(joint_pair, "zebra"), np.zeros(4))
    card = changed('"a photo of {}"', '"{} blue"')
    both = red + np.array([0, -2, 0, -1.4]) / np.linalg.norm([0, -2, 0, -1.4])
    np.testing.assert_allclose(vector(card, "red"), both / np.linalg.norm(both), atol=1e-6)
    card.write_text(card.read_text().replace("lower_case = true\n", "").replace(', "{} blue"', ""))
    np.testing.assert_array_equal(vector(card, "RED"), np.zeros(4))
    np.testing.assert_allclose(vector(card, "a photo of red"), red, atol=1e-6)
    np.testing.assert_array_equal(vector(card, "a photo of a photo of red"), np.zeros(4), "only six pieces fit")


@pytest.mark.parametrize(
    ("old", "new", "reason"),
    [
        ("context_length = 8", "", "lacks context_length"),
        ("context_length = 8", "context_length = true", "context_length is True"),
        ("context_length = 8", "context_length = 0", "from 1 on"),
        ("padding_id = 0", "padding_id = -1", "padding_id is -1"),
        ("padding_id = 0", "padding = 0", "unknown fields: padding"),
        ('input = "input_ids"', "input = 3", "input must be text"),
        ("lower_case = true", 'lower_case = "yes"', "true or false"),
        ('"a photo of {}"', '"a photo"', "each with {} once"),
        ('["{}", "a photo of {}"]', "[]", "expected a list of texts"),
    ],
)
def test_a_table_that_is_wrong_is_refused(changed: Callable[[str, str], Path], old: str, new: str, reason: str) -> None:
    with pytest.raises(FormatError, match=reason):
        load_encoder(str(changed(old, new)))


@pytest.mark.parametrize(
    ("old", "new", "reason"),
    [
        ('file = "words.onnx"', 'file = "other.onnx"', r"other.onnx, named in .* cannot be read"),
        ('tokenizer = "tokenizer.json"', 'tokenizer = "words.onnx"', "has sha256"),
        ('input = "input_ids"', 'input = "ids"', "names inputs .*'ids'"),
        ('attention_mask = "attention_mask"', "", "names inputs .'input_ids'."),
        ('embedding = "embedding"', 'embedding = "pooled"', "output 'pooled'"),
        ("context_length = 8", "context_length = 9", "takes 8 numbers, but context_length is 9"),
        ("context_length = 8", "context_length = 1", "context_length of 1"),
        ("padding_id = 0", "", "give the padding_id"),
    ],
)
def test_a_text_side_that_does_not_fit_is_refused(
    changed: Callable[[str, str], Path], old: str, new: str, reason: str
) -> None:
    encoder = load_encoder(str(changed(old, new)))
    with pytest.raises(EncoderError, match=reason):
        encoder.text_encoder()


def test_photos_that_are_taken_out_of_the_joint_space_are_refused(changed: Callable[[str, str], Path]) -> None:
    card = changed("padding_id = 0", "padding_id = 0")
    card.write_text(card.read_text().replace("dim = 4", 'dim = 4\ntransform = "sqrt"'))
    with pytest.raises(FormatError, match="out of the joint space"):
        load_encoder(str(card))


def test_vectors_of_another_dimension_are_refused(changed: Callable[[str, str], Path]) -> None:
    card = changed("padding_id = 0", "padding_id = 0")
    card.write_text(card.read_text().replace("dim = 4", "dim = 5"))
    with pytest.raises(EncoderError, match=r"shape \(4,\), but those of its photos have \(5,\)"):
        load_encoder(str(card)).text_encoder()


def test_files_that_are_not_there_are_told_without_loading(changed: Callable[[str, str], Path]) -> None:
    card = changed("padding_id = 0", "padding_id = 0")
    (card.parent / "tokenizer.json").unlink()
    with pytest.raises(EncoderError, match=r"tokenizer.json, named in .* is not there"):
        has_text_side(str(card))
