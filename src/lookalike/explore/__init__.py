"""What people do with a collection: tags suggested, words of their own taught, hits explained, the network's eyes."""
