"""A joint space of tags and photos: how it is learned, what it suggests, the one index in which it is searched."""
