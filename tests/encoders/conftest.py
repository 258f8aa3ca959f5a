"""Small networks made by the tests themselves, and the frameworks that only some machines have."""

from __future__ import annotations

import hashlib
import importlib.util
from collections.abc import Callable
from pathlib import Path

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper, numpy_helper
from PIL import Image

CARD = """
[card]
name = "colour-grid"
version = "1"
precision = "fp32"
dim = 12
licence = "Apache-2.0"
source = "the tests"
transform = "{transform}"

[preprocessing]
input_size = 32
crop = 1.0
fit = "{fit}"
interpolation = "bilinear"
mean = [{mean}, {mean}, {mean}]
std = [64, 64, 64]

[model]
file = "grid.onnx"
sha256 = "{sha256}"
input = "{input}"
embedding = "grid"
{more}
"""


def grid_network(*, uint8: bool, batch: int | str) -> bytes:
    """Average colours of a 2 x 2 grid (12 numbers), and three logits. Non-negative if its input is."""
    shape = [batch, 32, 32, 3] if uint8 else [batch, 3, 32, 32]
    nodes = []
    constants = [numpy_helper.from_array(np.array([0, 12], np.int64), "flat")]
    if uint8:
        nodes.append(helper.make_node("Cast", ["x"], ["float"], to=TensorProto.FLOAT))
        nodes.append(helper.make_node("Transpose", ["float"], ["planes"], perm=[0, 3, 1, 2]))
    nodes += [
        helper.make_node("AveragePool", ["planes" if uint8 else "x"], ["map"], kernel_shape=[16, 16], strides=[16, 16]),
        helper.make_node("Reshape", ["map", "flat"], ["grid"]),
        helper.make_node("MatMul", ["grid", "classes"], ["scores"]),
    ]
    constants.append(numpy_helper.from_array(np.eye(12, 3, dtype=np.float32), "classes"))
    graph = helper.make_graph(
        nodes,
        "grid",
        [helper.make_tensor_value_info("x", TensorProto.UINT8 if uint8 else TensorProto.FLOAT, shape)],
        [
            helper.make_tensor_value_info("grid", TensorProto.FLOAT, [batch, 12]),
            helper.make_tensor_value_info("scores", TensorProto.FLOAT, [batch, 3]),
            helper.make_tensor_value_info("map", TensorProto.FLOAT, [batch, 3, 2, 2]),
        ],
        initializer=constants,
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)])
    model.ir_version = 8
    onnx.checker.check_model(model)
    serialized: bytes = model.SerializeToString()
    return serialized


@pytest.fixture
def write_card(tmp_path: Path) -> Callable[..., Path]:
    """Write a card and the network that it describes; any part of the card can be changed."""

    def write(*, uint8: bool = False, batch: int | str = "n", **changes: str) -> Path:
        graph = grid_network(uint8=uint8, batch=batch)
        (tmp_path / "grid.onnx").write_bytes(graph)
        fields = {
            "transform": "none",
            "fit": "crop",
            "mean": "100",
            "sha256": hashlib.sha256(graph).hexdigest(),
            "input": "x",
            "more": "",
        }
        path = tmp_path / "card.toml"
        path.write_text(CARD.format(**{**fields, **changes}))
        return path

    return write


@pytest.fixture(scope="session")
def pictures() -> list[Image.Image]:
    """Five pictures of different shapes: smooth colours with some noise."""
    rng = np.random.default_rng(5)
    made = []
    for width, height in ((300, 300), (640, 200), (90, 400), (33, 57), (1000, 800)):
        coarse = Image.fromarray(rng.integers(0, 255, (5, 5, 3), dtype=np.uint8))
        smooth = np.asarray(coarse.resize((width, height), Image.Resampling.BICUBIC)).astype(np.int64)
        noisy = smooth + rng.integers(-20, 20, (height, width, 3))
        made.append(Image.fromarray(noisy.clip(0, 255).astype(np.uint8)))
    return made


@pytest.fixture(scope="session")
def torch_frameworks(require: Callable[[object, str], None]) -> None:
    """Make timm and OpenCLIP importable, or skip.

    Both import torchvision, and PyPI has no torchvision for the CPU build of torch: its compiled operators are missing
    and the import fails on the first one. None of them is used here (they are for detection), so declaring them is
    enough.
    """
    for module in ("torch", "timm", "open_clip"):
        require(importlib.util.find_spec(module), f"{module} is not installed: pip install torch timm open_clip_torch")
    import torch

    try:
        import torchvision
    except RuntimeError:  # "operator torchvision::nms does not exist"
        library = torch.library.Library("torchvision", "DEF")
        forward = ("roi_align", "roi_pool", "ps_roi_align", "ps_roi_pool", "deform_conv2d")
        for operator in ("nms", "qnms", *forward, *(f"_{name}_backward" for name in forward)):
            library.define(f"{operator}(Tensor x) -> Tensor")
        import torchvision
    assert torchvision.__version__
