"""Runs the command line without its entry point: ``python -m medsyngen.cli``, or ``python -m cli`` in a checkout."""

from __future__ import annotations

from .app import main

if __name__ == "__main__":
    main()
