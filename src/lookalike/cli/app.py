"""The commands put together, and what happens when one fails.

Exit codes: 0 fine (also when some photos could not be read: they are listed); 1 an error, told in one paragraph,
or something wrong that `verify` found or `repair` could not mend;
2 the command line itself is wrong; 130 interrupted. ``LOOKALIKE_DEBUG=1`` shows where an error came from.
"""

from __future__ import annotations

import contextlib
import os
import sys
from typing import Annotated, Any

import typer
from typer.core import TyperCommand, TyperGroup

from lookalike.cli.add import add
from lookalike.cli.backup_and_restore import backup, restore
from lookalike.cli.compact_and_stats import compact, stats
from lookalike.cli.complete import complete
from lookalike.cli.evaluate import evaluate
from lookalike.cli.info import info
from lookalike.cli.interruption import INTERRUPTED
from lookalike.cli.open_and_serve import open_, serve
from lookalike.cli.search import search
from lookalike.cli.tags import machine_tags, tag, tags
from lookalike.cli.teach import teach
from lookalike.cli.terminal import print_error, print_note
from lookalike.cli.verify_and_repair import repair, verify
from lookalike.cli.why import units, why
from lookalike.errors import LookalikeError

__all__ = ["app", "main"]


def _without_type(help_option: Any) -> Any:  # noqa: ANN401  Typer's class of an option has several homes
    """Return the option `--help` without the type of its value in the help: it has none."""
    if help_option is not None:
        help_option.metavar = ""
    return help_option


class _Command(TyperCommand):
    """One command."""

    def get_help_option(self, ctx: Any) -> Any:  # noqa: ANN401
        return _without_type(super().get_help_option(ctx))


class _Commands(TyperGroup):
    """All commands: what they raise becomes a calm message and an exit code."""

    def get_help_option(self, ctx: Any) -> Any:  # noqa: ANN401
        return _without_type(super().get_help_option(ctx))

    def invoke(self, ctx: Any) -> Any:  # noqa: ANN401
        debugging = os.environ.get("LOOKALIKE_DEBUG", "") not in ("", "0")
        try:
            result = super().invoke(ctx)
            sys.stdout.flush()  # here, where it is known what to do when nobody listens any more
        except KeyboardInterrupt:
            if debugging:
                raise
            print_note("Interrupted. What was done before is kept.")
            raise typer.Exit(INTERRUPTED) from None
        except BrokenPipeError:
            # Whoever read our output has gone (`| head`): nothing to tell, and nobody to tell it to.
            with contextlib.suppress(OSError):
                os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
            raise typer.Exit(1) from None
        except LookalikeError as error:
            if debugging:
                raise
            print_error(str(error))
            raise typer.Exit(1) from None
        except OSError as error:
            if debugging:
                raise
            where = f"`{error.filename}`: " if error.filename else ""
            print_error(f"{where}{error.strerror or error}.")
            raise typer.Exit(1) from None
        except (MemoryError, RuntimeError) as error:
            if debugging or not (isinstance(error, MemoryError) or "start new thread" in str(error)):
                raise
            print_error("Memory, or the number of threads that may run, is used up. What was done before is kept.")
            raise typer.Exit(1) from None
        except Exception as error:
            if debugging or type(error).__module__ != "sqlite3":  # not imported here: `--help` does without
                raise
            from lookalike.catalog import database_error

            told = database_error(error)
            if told is None:
                raise
            print_error(str(told))
            raise typer.Exit(1) from None
        return result


app = typer.Typer(
    name="lookalike",
    cls=_Commands,
    help="Find photos that look alike. Point it at folders, explore in the browser.",
    epilog="Begin with:  lookalike open ~/Pictures",
    no_args_is_help=True,
    add_completion=False,
    rich_markup_mode="rich",
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["--help", "-h"]},
)
app.command("open", cls=_Command, epilog="Example:  lookalike open ~/Pictures /media/camera")(open_)
app.command("add", cls=_Command, epilog="Example:  lookalike add ~/Pictures -c ~/pictures.lookalike")(add)
app.command("search", cls=_Command, epilog="Example:  lookalike search ~/Desktop/boat.jpg --sheet boats.jpg")(search)
app.command("complete", cls=_Command, epilog="Example:  lookalike complete 'boat san fr'")(complete)
app.command("why", cls=_Command, epilog="Example:  lookalike why 1707 ~/Desktop/boat.jpg --sheet why.jpg")(why)
app.command("units", cls=_Command, epilog="Example:  lookalike units 1707 -k 5")(units)
app.command("serve", cls=_Command, epilog="Example:  lookalike serve -c ~/pictures.lookalike --port 8000")(serve)
app.command("info", cls=_Command, epilog="Example:  lookalike info --failures")(info)
app.command("tag", cls=_Command, epilog="Example:  lookalike tag 1707 harbour 'San Francisco'")(tag)
app.command("tags", cls=_Command, epilog="Example:  lookalike tags har")(tags)
app.command("machine-tags", cls=_Command, epilog="Example:  lookalike machine-tags exif:model=")(machine_tags)
app.command("teach", cls=_Command, epilog="Example:  lookalike teach pottery 3 17 20 21 54 --not 7")(teach)
app.command("evaluate", cls=_Command, epilog="Example:  lookalike evaluate tags")(evaluate)
app.command("stats", cls=_Command, epilog="Example:  lookalike stats --recall 100")(stats)
app.command("verify", cls=_Command, epilog="Example:  lookalike verify -c ~/pictures.lookalike")(verify)
app.command("repair", cls=_Command, epilog="Example:  lookalike repair -c ~/pictures.lookalike")(repair)
app.command("backup", cls=_Command, epilog="Example:  lookalike backup /media/disk/pictures.backup")(backup)
app.command("restore", cls=_Command, epilog="Example:  lookalike restore /media/disk/pictures.backup")(restore)
app.command("compact", cls=_Command, epilog="Example:  lookalike compact -c ~/pictures.lookalike")(compact)


def _print_version(wanted: bool) -> None:  # noqa: FBT001  Typer's form of a callback
    if wanted:
        from importlib.metadata import version

        sys.stdout.write(f"lookalike {version('lookalike')}\n")
        raise typer.Exit


@app.callback()
def _global_options(
    _version: Annotated[
        bool,
        typer.Option(
            "--version", callback=_print_version, is_eager=True, metavar="", help="Print the version and end."
        ),
    ] = False,
) -> None:
    pass


def main() -> None:
    """Run the command line; the entry point of ``lookalike`` and ``python -m lookalike``."""
    for name in ("stdout", "stderr"):
        if getattr(sys, name) is None:  # closed by who started us (`>&-`)
            setattr(sys, name, open(os.devnull, "w"))  # noqa: PTH123, SIM115  open until the end
    for stream in (sys.stdout, sys.stderr):
        with contextlib.suppress(AttributeError):  # not every stand-in for a stream can
            stream.reconfigure(errors="backslashreplace")  # type: ignore[union-attr]  # a name the terminal cannot show
    app()
