"""Part of medsyngen: privacy."""
