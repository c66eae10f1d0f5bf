"""Part of medsyngen: evaluation."""
