"""Visual similarity search for photo collections, and the compact vector index underneath."""
