"""The HTTP API and the page: FastAPI and uvicorn behind one door. Parse, one call into the collection, format."""

from lookalike.server.app import create_app
from lookalike.server.jobs import AddJob
from lookalike.server.serving import serve

__all__ = ["AddJob", "create_app", "serve"]
