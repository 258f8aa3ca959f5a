"""The cache gives back what was built, and never anything else."""

import subprocess
import sys
from pathlib import Path

import pytest

from lookalike.encoders.build_cache import cache_directory, cached_build

GRAPH = b"a graph " * 1000


@pytest.fixture(autouse=True)
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("LOOKALIKE_CACHE", str(tmp_path))
    return tmp_path


def never() -> bytes:
    raise AssertionError("built again")


def test_a_graph_is_built_once() -> None:
    assert cached_build("name.onnx", lambda: GRAPH) == GRAPH
    assert cached_build("name.onnx", never) == GRAPH


def test_another_name_is_another_graph() -> None:
    cached_build("name.onnx", lambda: GRAPH)
    assert cached_build("other.onnx", lambda: b"other") == b"other"


@pytest.mark.parametrize("damage", ["cut", "flipped", "emptied", "extended"])
def test_a_damaged_file_is_built_again(cache: Path, damage: str) -> None:
    cached_build("name.onnx", lambda: GRAPH)
    (path,) = (cache / "encoders").iterdir()
    data = path.read_bytes()
    damaged = {
        "cut": data[:-1],
        "flipped": data[:100] + bytes([data[100] ^ 1]) + data[101:],
        "emptied": b"",
        "extended": data + b"x",
    }
    path.write_bytes(damaged[damage])
    assert cached_build("name.onnx", lambda: GRAPH) == GRAPH
    assert path.read_bytes() == data


def test_a_failed_build_leaves_nothing(cache: Path) -> None:
    with pytest.raises(AssertionError):
        cached_build("name.onnx", never)
    assert list(cache.rglob("*.onnx*")) == []


def test_a_cache_that_cannot_be_written_to_is_no_error(cache: Path) -> None:
    (cache / "encoders").write_text("a file where the folder should be")
    assert cached_build("name.onnx", lambda: GRAPH) == GRAPH


def test_processes_that_build_at_once_agree(cache: Path) -> None:
    code = (
        "from lookalike.encoders.build_cache import cached_build\n"
        "import sys\n"
        "for i in range(200):\n"
        "    path = f'name{i % 4}.onnx'\n"
        "    graph = bytes(f'graph {i % 4}', 'ascii') * 5000\n"
        "    assert cached_build(path, lambda: graph) == graph\n"
        "    if i % 7 == int(sys.argv[1]):\n"
        "        from lookalike.encoders.build_cache import cache_directory\n"
        "        (cache_directory() / 'encoders' / path).unlink(missing_ok=True)\n"
    )
    processes = [subprocess.Popen([sys.executable, "-c", code, str(number)]) for number in range(3)]
    assert [process.wait() for process in processes] == [0, 0, 0]
    assert all(path.name.startswith("name") for path in (cache / "encoders").iterdir())


def test_without_the_variable_the_cache_is_the_users(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("LOOKALIKE_CACHE")
    assert "lookalike" in cache_directory().parts
