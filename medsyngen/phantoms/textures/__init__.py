"""Textures without anatomy: power-law noise and dead leaves."""
