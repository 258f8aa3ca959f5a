"""Fixtures that every test may use."""

from __future__ import annotations

import contextlib
import os
import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pytest
from filelock import FileLock
from hypothesis import settings
from PIL import Image

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray
    from starlette.types import ASGIApp

ROOT = Path(__file__).parent.parent

settings.register_profile("dev", max_examples=25, deadline=None, derandomize=False)
settings.register_profile("ci", max_examples=100, deadline=None, derandomize=True, print_blob=True)
settings.load_profile("ci" if os.environ.get("CI") else "dev")

Require = Callable[[object, str], None]


@pytest.fixture(scope="session")
def require() -> Require:
    """Skip with a plain reason where a part's system package is missing; fail where CI forbids skips."""

    def check(condition: object, reason: str) -> None:
        if condition:
            return
        if os.environ.get("LOOKALIKE_REQUIRE_ALL"):
            pytest.fail(f"{reason} (and LOOKALIKE_REQUIRE_ALL forbids skipping)", pytrace=False)
        pytest.skip(reason)

    return check


@pytest.fixture(scope="session")
def demo_photos(require: Require) -> Path:
    """The folder of 153 public-domain pictures in 16 collections, fetched by `make test`. Never write into it."""
    folder = ROOT / "build" / "demo" / "photos"
    require(
        folder.is_dir(), f"{folder.relative_to(ROOT)} is missing: run `python tools/demo_photos.py build/demo/photos`"
    )
    return folder


@pytest.fixture(scope="session", autouse=True)
def _cache(tmp_path_factory: pytest.TempPathFactory) -> None:
    """Keep built networks between test runs, but apart from the user's own cache."""
    os.environ.setdefault("LOOKALIKE_CACHE", str(ROOT / "build" / "test-cache"))


@pytest.fixture(scope="session")
def demo_collection(demo_photos: Path, tmp_path_factory: pytest.TempPathFactory, worker_id: str) -> Path:
    """A collection of all the demo photos, made once per test run. Never write into it."""
    import lookalike

    root = tmp_path_factory.getbasetemp()
    shared = root if worker_id == "master" else root.parent
    collection = shared / "demo.lookalike"
    with FileLock(shared / "demo.lock"):
        if not (shared / "demo.finished").exists():
            with lookalike.Collection.open(collection) as photos:
                photos.add(demo_photos)
            (shared / "demo.finished").touch()
    return collection


JOINT_CARD = """
[card]
name = "colours-and-words"
version = "1"
precision = "fp32"
dim = 4
licence = "Apache-2.0"
source = "the tests"

[preprocessing]
input_size = 32
crop = 1.0
interpolation = "bilinear"
mean = [127.5, 127.5, 127.5]
std = [127.5, 127.5, 127.5]

[model]
file = "photos.onnx"
sha256 = "{photos.onnx}"
input = "pixels"
embedding = "embedding"

[text]
file = "words.onnx"
sha256 = "{words.onnx}"
tokenizer = "tokenizer.json"
tokenizer_sha256 = "{tokenizer.json}"
context_length = 8
padding_id = 0
input = "input_ids"
attention_mask = "attention_mask"
embedding = "embedding"
lower_case = true
templates = ["{}", "a photo of {}"]
"""
JOINT_WORDS = {
    "red": (1, -1, -1, -0.7),
    "green": (-1, 1, -1, -0.7),
    "blue": (-1, -1, 1, -0.7),
    "yellow": (1, 1, -1, -0.7),
    **dict.fromkeys(("a", "photo", "of"), (0, 0, 0, 0)),
}
"""Vectors of words. The last number of photos is 1.5: the two lie apart, as in every such space."""


@pytest.fixture(scope="session")
def joint_pair(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The card of a small ONNX pair whose photos and words share a space of mean colours. Never write beside it."""
    import hashlib

    import onnx
    from onnx import TensorProto, helper, numpy_helper
    from tokenizers import Tokenizer, models, pre_tokenizers, processors

    folder = tmp_path_factory.mktemp("joint")

    def write(name: str, nodes: list[object], inputs: list[object], *more: object, **constants: np.ndarray) -> None:
        graph = helper.make_graph(
            nodes,
            name,
            inputs,
            [helper.make_tensor_value_info("embedding", TensorProto.FLOAT, ["n", 4]), *more],
            initializer=[numpy_helper.from_array(value, key) for key, value in constants.items()],
        )
        model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)])
        model.ir_version = 8
        onnx.checker.check_model(model)
        (folder / name).write_bytes(model.SerializeToString())

    write(
        "photos.onnx",
        [
            helper.make_node("ReduceMean", ["pixels"], ["colour"], axes=[2, 3], keepdims=0),
            helper.make_node("Pad", ["colour", "places", "offset"], ["embedding"]),
            helper.make_node("MatMul", ["embedding", "classes"], ["logits"]),
        ],
        [helper.make_tensor_value_info("pixels", TensorProto.FLOAT, ["n", 3, 32, 32])],
        helper.make_tensor_value_info("logits", TensorProto.FLOAT, ["n", 1000]),
        classes=np.eye(4, 1000, dtype=np.float32),
        places=np.array([0, 0, 0, 1], np.int64),
        offset=np.array(1.5, np.float32),
    )
    marks = ["[PAD]", "[UNK]", "[START]", "[END]"]
    numbers = {word: number for number, word in enumerate([*marks, *JOINT_WORDS])}
    tokenizer = Tokenizer(models.WordLevel(numbers, unk_token="[UNK]"))
    tokenizer.pre_tokenizer = pre_tokenizers.Whitespace()
    tokenizer.post_processor = processors.TemplateProcessing(
        single="[START] $A [END]", special_tokens=[("[START]", 2), ("[END]", 3)]
    )
    tokenizer.add_special_tokens(marks)
    tokenizer.save(str(folder / "tokenizer.json"))
    # Padding has a vector, so that a mask which is not heeded is noticed.
    vectors = np.array([(9, 9, 9, 9), *[(0, 0, 0, 0)] * 3, *JOINT_WORDS.values()], np.float32)
    texts = [
        helper.make_tensor_value_info(name, TensorProto.INT64, ["n", 8]) for name in ("input_ids", "attention_mask")
    ]
    write(
        "words.onnx",
        [
            helper.make_node("Gather", ["vectors", "input_ids"], ["pieces"]),
            helper.make_node("Cast", ["attention_mask"], ["mask"], to=TensorProto.FLOAT),
            helper.make_node("Unsqueeze", ["mask", "last"], ["weights"]),
            helper.make_node("Mul", ["pieces", "weights"], ["read"]),
            helper.make_node("ReduceSum", ["read", "middle"], ["embedding"], keepdims=0),
        ],
        texts,
        vectors=vectors,
        last=np.array([2], np.int64),
        middle=np.array([1], np.int64),
    )
    card = JOINT_CARD
    for path in folder.iterdir():
        card = card.replace(f"{{{path.name}}}", hashlib.sha256(path.read_bytes()).hexdigest())
    (folder / "card.toml").write_text(card)
    return folder / "card.toml"


@pytest.fixture(scope="session")
def joint_collection(joint_pair: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A collection of 90 coloured pictures without texts, by `joint_pair`. Never write into it."""
    import lookalike

    folder = tmp_path_factory.mktemp("coloured")
    rng = np.random.default_rng(4)
    colours = [(200, 30, 40), (30, 170, 60), (40, 60, 200), (210, 200, 40), (128, 128, 128), (20, 20, 20)]
    for number in range(90):
        noise = rng.integers(-20, 20, (40, 40, 3)) + rng.integers(-25, 25, 3)
        picture = (np.array(colours[number % 6]) + noise).clip(0, 255).astype(np.uint8)
        Image.fromarray(picture).save(folder / f"{number:02}.png")
    with lookalike.Collection.open(folder / "x.lookalike", encoder=str(joint_pair), nsfw=False) as photos:
        photos.add(folder)
    return folder / "x.lookalike"


StartServer = Callable[["ASGIApp"], AbstractContextManager[str]]


@pytest.fixture(scope="session")
def start_server() -> StartServer:
    """Serve an ASGI application on a free loopback port for as long as the context lasts; gives its address."""
    import uvicorn

    @contextlib.contextmanager
    def running(app: ASGIApp) -> Iterator[str]:
        listener = socket.create_server(("127.0.0.1", 0))
        config = uvicorn.Config(app, log_config=None, lifespan="off", ws="none", timeout_graceful_shutdown=3)
        server = uvicorn.Server(config)
        thread = threading.Thread(target=server.run, kwargs={"sockets": [listener]})
        thread.start()
        try:
            yield "http://{}:{}".format(*listener.getsockname())
        finally:
            server.should_exit = True
            thread.join()

    return running


@pytest.fixture(scope="session")
def server_url(demo_collection: Path, start_server: StartServer) -> Iterator[str]:
    """Address of a server that serves `demo_collection`."""
    import lookalike
    from lookalike.server import create_app

    with lookalike.Collection.open(demo_collection) as photos, start_server(create_app(photos)) as url:
        yield url


Clusters = Callable[..., tuple["NDArray[np.float32]", "NDArray[np.int64]"]]


@pytest.fixture(scope="session")
def clusters() -> Clusters:
    """Make unit vectors around centres; 12 axes of 24 carry nothing but noise that all clusters share."""
    import numpy as np

    def make(n: int, n_clusters: int, seed: int = 0, noise: float = 0.35):
        generator = np.random.default_rng(seed)
        centres = np.zeros((n_clusters, 24))
        centres[:, :12] = generator.normal(size=(n_clusters, 12))
        labels = np.arange(n) % n_clusters
        x = centres[labels] + noise * generator.normal(size=(n, 24)) + 0.5
        x[:, 12:] += generator.normal(size=(n, 12))
        x /= np.linalg.norm(x, axis=1, keepdims=True)
        return x.astype(np.float32), labels

    return make
