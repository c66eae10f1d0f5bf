"""Anatomies in three dimensions: images with their label maps."""
