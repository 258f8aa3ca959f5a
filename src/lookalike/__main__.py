"""``python -m lookalike``: the same as the command ``lookalike``."""

__all__ = ["main"]


def main() -> None:
    """Run the command line; the entry point of ``lookalike``."""
    try:
        from lookalike.cli import main as run
    except KeyboardInterrupt:  # in the first tenths of a second
        raise SystemExit(130) from None
    run()


if __name__ == "__main__":
    main()
