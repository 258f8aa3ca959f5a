"""`lookalike` offers the names it says it offers, and imports nothing before they are used."""

import ast
import subprocess
import sys
from pathlib import Path

import lookalike

PACKAGE = Path(lookalike.__file__).parent


def test_every_public_name_exists() -> None:
    for name in lookalike.__all__:
        assert getattr(lookalike, name) is not None


def test_modules_take_from_each_other_what_these_offer() -> None:
    paths = {".".join(path.relative_to(PACKAGE.parent).with_suffix("").parts): path for path in PACKAGE.rglob("*.py")}
    modules = {name.removesuffix(".__init__"): ast.parse(path.read_text("utf-8")) for name, path in paths.items()}
    offered = {name: names for name, tree in modules.items() if (names := offered_names(tree)) is not None}
    taken = [
        (name, node.module, alias.name)
        for name, tree in modules.items()
        for node in ast.walk(tree)
        if isinstance(node, ast.ImportFrom) and node.module in offered
        for alias in node.names
        if f"{node.module}.{alias.name}" not in modules
    ]
    assert len(taken) > 1000
    assert [each for each in taken if each[2] not in offered[each[1]]] == []


def offered_names(tree: ast.Module) -> set[str] | None:
    for node in tree.body:
        if isinstance(node, ast.Assign) and ast.unparse(node.targets[0]) == "__all__":
            return set(ast.literal_eval(node.value))
    return None


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
