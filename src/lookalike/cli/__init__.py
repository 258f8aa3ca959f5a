"""The command line: parse, one call into the library, format.

Typer and Rich are imported nowhere else. What a command needs is imported when it runs, so that ``lookalike --help``
loads neither a network nor a web server.
"""

from lookalike.cli.app import app, main

__all__ = ["app", "main"]
