"""The page: files that Vite builds from `web/` into `static/`, at every address that is not the API's.

The page keeps its state in the query of ``/``, so an address is a file or it is nothing.
"""

from __future__ import annotations

import mimetypes
from pathlib import Path

from starlette.exceptions import HTTPException
from starlette.responses import PlainTextResponse, Response
from starlette.staticfiles import StaticFiles
from starlette.types import Receive, Scope, Send

__all__ = ["PAGE", "Page"]

PAGE = Path(__file__).parent / "static"
"""Where the built page lies, in the repository and in the wheel."""

# On Windows the registry decides, and some programs make it say text/plain: then browsers refuse to run the page.
mimetypes.add_type("text/javascript", ".js")

_NOT_BUILT = """\
Lookalike's API is running, at /api/v1/status and described at /api/v1/openapi.json,
but its page has not been built. In the repository:

    make web

then reload.
"""


class Page:
    """ASGI application that serves the built page.

    Parameters
    ----------
    folder : Path
        The built page; may be missing.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._files = StaticFiles(directory=folder, check_dir=False)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request."""
        response = await self._respond(scope)
        await response(scope, receive, send)

    async def _respond(self, scope: Scope) -> Response:
        path = scope["path"]
        if path == "/api" or path.startswith("/api/"):
            raise HTTPException(404)
        missing = path == "/" and not (self._folder / "index.html").is_file()
        if missing and scope["method"] in {"GET", "HEAD"}:  # all others are refused, built or not
            return PlainTextResponse(_NOT_BUILT, 503, headers={"Cache-Control": "no-store"})
        response = await self._files.get_response("index.html" if path == "/" else self._files.get_path(scope), scope)
        # Vite names what lies in assets/ by its content.
        hashed = path.startswith("/assets/")
        response.headers["Cache-Control"] = "public, max-age=31536000, immutable" if hashed else "no-cache"
        return response
