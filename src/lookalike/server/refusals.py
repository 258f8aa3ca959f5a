"""Every answer that is not the one asked for: one shape, ``{"error": {"code", "message"}}``, one table.

Errors of the library are answered by their class, with their own words, which were written for people. Anything that
was not foreseen is logged with its traceback and answered without.
"""

from __future__ import annotations

import logging
import sqlite3
from collections.abc import Mapping
from http import HTTPStatus
from typing import Any

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse
from starlette.exceptions import HTTPException
from starlette.routing import Match

from lookalike.catalog import database_error
from lookalike.errors import (
    CollectionLockedError,
    DamagedPhotoError,
    InvalidArgumentError,
    LookalikeError,
    PhotoError,
    PhotoGoneError,
    PhotoTooLargeError,
    QueryError,
    UnknownFilterError,
    UnknownPhotoError,
    UnknownTagError,
    UnsupportedPhotoError,
)
from lookalike.server.messages import ErrorDetail, ErrorMessage

__all__ = ["Refusal", "answer_errors", "refusal_response", "refusals"]

logger = logging.getLogger(__name__)

_STATUS_AND_CODE: tuple[tuple[type[LookalikeError], int, str], ...] = (
    (UnknownPhotoError, 404, "unknown_photo"),
    (UnknownTagError, 404, "unknown_tag"),
    (UnknownFilterError, 404, "unknown_filter"),
    (PhotoGoneError, 404, "file_gone"),
    (UnsupportedPhotoError, 415, "unsupported_photo"),
    (PhotoTooLargeError, 413, "photo_too_large"),
    (DamagedPhotoError, 422, "damaged_photo"),
    (PhotoError, 422, "unreadable_photo"),
    (QueryError, 422, "wrong_query"),
    (InvalidArgumentError, 422, "invalid_argument"),
    (CollectionLockedError, 409, "collection_locked"),
    (LookalikeError, 500, "collection_error"),
)
_MEANINGS = {
    403: "The collection may not be changed here.",
    404: "What the address names is not there.",
    409: "Another process is writing to the collection.",
    413: "The photo has more bytes or pixels than the limits admit, or the body more bytes.",
    415: "The body is not a photo that can be decoded here, or not JSON.",
    416: "The range lies outside of the file.",
    422: "A parameter is missing or wrong, or the photo is damaged.",
}


class Refusal(Exception):  # noqa: N818  an answer, not a fault
    """A request that the server itself turns down.

    Parameters
    ----------
    status : int
    code : str
        For programs.
    message : str
        For people.
    headers : mapping, optional
    position : int, optional
        Where in a query it is wrong: characters before it.
    """

    def __init__(
        self,
        status: int,
        code: str,
        message: str,
        headers: Mapping[str, str] | None = None,
        *,
        position: int | None = None,
    ) -> None:
        super().__init__(message)
        self.status = status
        self.code = code
        self.headers = headers
        self.position = position


def refusal_response(refusal: Refusal) -> JSONResponse:
    """Return the answer for `refusal`."""
    message = str(refusal).encode("utf-8", "backslashreplace").decode()  # it may quote half a surrogate pair
    body = ErrorMessage(error=ErrorDetail(code=refusal.code, message=message, position=refusal.position))
    headers = {"Cache-Control": "no-store", **(refusal.headers or {})}
    return JSONResponse(body.model_dump(exclude_none=True), refusal.status, headers=headers)


def refusals(*statuses: int) -> dict[int | str, dict[str, Any]]:
    """Describe the errors that a route may answer with, for `responses` of the route."""
    return {status: {"model": ErrorMessage, "description": _MEANINGS[status]} for status in statuses}


def answer_errors(app: FastAPI) -> None:
    """Make `app` answer every foreseen error in the one shape. The unforeseen are the guard's."""
    app.add_exception_handler(Refusal, _answer)
    app.add_exception_handler(LookalikeError, _answer)
    app.add_exception_handler(sqlite3.DatabaseError, _answer)
    app.add_exception_handler(RequestValidationError, _answer)
    app.add_exception_handler(HTTPException, _answer)


async def _answer(request: Request, error: Exception) -> JSONResponse:
    return refusal_response(_refusal(request, error))


def _refusal(request: Request, error: Exception) -> Refusal:
    if isinstance(error, Refusal):
        return error
    if isinstance(error, sqlite3.DatabaseError):
        told = database_error(error)
        if told is None:
            raise error
        error = told
    if isinstance(error, LookalikeError):
        status, code = next((status, code) for kind, status, code in _STATUS_AND_CODE if isinstance(error, kind))
        if status >= 500:
            logger.error("%s %s: %s", request.method, request.url.path, error)
        return Refusal(status, code, str(error), position=getattr(error, "position", None))
    if isinstance(error, RequestValidationError):
        return Refusal(422, "invalid_argument", " ".join(map(_describe, error.errors())))
    assert isinstance(error, HTTPException)
    path = request.url.path
    if error.status_code == 404:
        message = f"There is nothing at `{path}`. The API is described at /api/v1/openapi.json."
        return Refusal(404, "not_found", message)
    if error.status_code == 405:
        allowed = ", ".join(_methods_of(request)) or "GET, HEAD"
        message = f"`{path}` does not take {request.method}; it takes {allowed}."
        return Refusal(405, "method_not_allowed", message, {"Allow": allowed})
    phrase = HTTPStatus(error.status_code).phrase
    return Refusal(error.status_code, phrase.lower().replace(" ", "_"), f"{phrase}: {error.detail}", error.headers)


def _methods_of(request: Request) -> list[str]:
    """Methods that the path of a request takes; the routes of one path are several, of which each knows its own."""
    return [
        method
        for method in ("GET", "HEAD", "POST", "PUT", "PATCH", "DELETE")
        if any(route.matches({**request.scope, "method": method})[0] is Match.FULL for route in request.app.routes)
    ]


def _describe(problem: Mapping[str, Any]) -> str:
    where = ".".join(str(part) for part in problem["loc"][1:])[:200] or problem["loc"][-1]
    said = problem["msg"][:1].lower() + problem["msg"][1:]
    if problem["type"] == "json_invalid":
        return f"The body is no JSON, from character {where} on: {problem['ctx']['error']}."
    if problem["type"] == "value_error":
        return f"{problem['ctx']['error']}."
    if problem["type"] == "missing":
        return f"`{where}` is missing; it is required."
    return f"`{where}` is {str(problem.get('input'))[:80]!r}: {said}."
