"""The live index under torture: writers that are killed, readers beside a writer, every answer held to the truth."""
