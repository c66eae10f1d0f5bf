"""How medsyngen gets onto a machine without a network: locks, wheelhouse, list of contents. Not part of the package."""
