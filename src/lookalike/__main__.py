"""``python -m lookalike``: the same as the command ``lookalike``."""

from lookalike.cli import main

__all__: list[str] = []

if __name__ == "__main__":
    main()
