"""Part of medsyngen: synthesis."""
