"""What people do with a collection: teach it words of their own, ask why, look through the network's eyes."""
