"""What README and the tutorials show works as shown, and what they link to exists."""

from __future__ import annotations

import inspect
import re
import shutil
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

import lookalike

ROOT = Path(__file__).parent.parent
PAGES = sorted([*ROOT.glob("*.md"), *(ROOT / "docs").rglob("*.md")])


def python_blocks(page: Path) -> list[str]:
    return re.findall(r"^```python\n(.*?)^```", page.read_text(), re.MULTILINE | re.DOTALL)


@pytest.mark.parametrize("page", ["README.md", "docs/tutorials/vectors.md", "docs/tutorials/parameters.md"])
def test_the_examples_of_a_page_run_one_after_the_other(
    page: str, demo_photos: Path, demo_collection: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    pictures = tmp_path / "Pictures"
    pictures.mkdir()
    for number, path in enumerate(sorted(demo_photos.rglob("*.webp"))[:8], 1):
        shutil.copy(path, pictures / f"IMG_{number}.webp")
    with lookalike.Collection.open(demo_collection, create=False) as photos:
        embeddings = photos.embeddings([photo.id for photo in photos.photos_after(0, 200)])
    generator = np.random.default_rng(0)
    many = np.repeat(embeddings, 8, axis=0)
    np.save(tmp_path / "vectors.npy", many + generator.normal(0, 0.01, many.shape).astype(np.float32))
    monkeypatch.chdir(tmp_path)
    names: dict[str, object] = {}
    blocks = python_blocks(ROOT / page)
    assert blocks
    for block in blocks:
        exec(compile(block, page, "exec"), names)


@pytest.mark.parametrize(
    "call",
    [
        lookalike.LOPQIndex.build,
        lookalike.LOPQIndex.search,
        lookalike.LOPQIndex.range_search,
        lookalike.LOPQIndex.tune,
        lookalike.LOPQIndex.estimate,
        lookalike.LOPQModel.fit,
    ],
    ids=lambda call: call.__qualname__,
)
def test_the_parameter_guide_tells_every_parameter(call: Callable[..., object]) -> None:
    page = (ROOT / "docs/tutorials/parameters.md").read_text()
    parameters = inspect.signature(call).parameters.keys() - {"self", "vectors", "queries", "n"}
    assert [name for name in sorted(parameters) if f"`{name}`" not in page] == []


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_no_page_has_a_gap_left_to_be_filled(page: Path) -> None:
    text = re.sub(r"^```.*?^```", "", page.read_text(), flags=re.MULTILINE | re.DOTALL)
    assert re.findall(r"^[A-Z]{4,}$|\b(?:MACHINE|TODO|TBD|FIXME)\b", text, re.MULTILINE) == []


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_links_between_pages_lead_somewhere(page: Path) -> None:
    text = re.sub(r"^```.*?^```", "", page.read_text(), flags=re.MULTILINE | re.DOTALL)
    for target in re.findall(r"\]\(([^)#\s]+)(?:#[^)]*)?\)", text):
        if not re.match(r"[a-z]+:", target):
            assert (page.parent / target).exists(), f"{page.relative_to(ROOT)} links to {target}, which is not there"
