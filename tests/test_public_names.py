"""`lookalike` offers the names it says it offers, and imports nothing before they are used."""

import subprocess
import sys

import lookalike


def test_every_public_name_exists() -> None:
    for name in lookalike.__all__:
        assert getattr(lookalike, name) is not None


def test_importing_the_package_imports_no_framework() -> None:
    frameworks = ["numpy", "PIL", "onnx", "onnxruntime", "fastapi", "typer", "rich", "torch"]
    code = f"import sys, lookalike; print([name for name in {frameworks} if name in sys.modules])"
    printed = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout
    assert printed.strip() == "[]"


def test_the_vector_library_imports_nothing_of_photos() -> None:
    code = (
        "import sys; from lookalike import LOPQIndex, LOPQModel; "
        "print([name for name in ('PIL', 'onnx', 'onnxruntime', 'sqlite3', 'fastapi', 'typer') if name in sys.modules])"
    )
    printed = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout
    assert printed.strip() == "[]"


def test_the_live_index_imports_nothing_of_photos() -> None:
    code = (
        "import sys; from lookalike import LiveIndex; "
        "print([name for name in ('PIL', 'onnx', 'onnxruntime', 'fastapi', 'typer', 'rich') if name in sys.modules])"
    )
    printed = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout
    assert printed.strip() == "[]"
