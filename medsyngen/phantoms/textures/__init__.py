"""Textures without anatomy: clouds, lumps, leaves, cells, speckle."""
