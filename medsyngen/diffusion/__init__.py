"""Part of medsyngen: diffusion."""
