"""Anatomies: pictures with organs in them."""
