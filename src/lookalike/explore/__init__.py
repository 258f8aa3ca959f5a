"""What people do with a collection: tags suggested, classes taught, hits explained."""
