"""Wheels of a few bytes."""

from __future__ import annotations

import zipfile
from collections.abc import Callable
from pathlib import Path

import pytest


@pytest.fixture
def wheel() -> Callable[..., Path]:
    """Writes a wheel that pip takes: ``wheel(folder, "name", "1.0", "License-Expression: MIT")``."""

    def write(folder: Path, name: str, version: str, *metadata: str) -> Path:
        info = f"{name}-{version}.dist-info"
        path = folder / f"{name}-{version}-py3-none-any.whl"
        lines = ["Metadata-Version: 2.4", f"Name: {name}", f"Version: {version}", *metadata]
        files = {
            f"{name}.py": f"version = {version!r}\n",
            f"{info}/METADATA": "\n".join(lines) + "\n",
            f"{info}/WHEEL": "Wheel-Version: 1.0\nGenerator: test\nRoot-Is-Purelib: true\nTag: py3-none-any\n",
        }
        record = "".join(f"{each},,\n" for each in [*files, f"{info}/RECORD"])
        with zipfile.ZipFile(path, "w") as archive:
            for each, text in [*files.items(), (f"{info}/RECORD", record)]:
                archive.writestr(zipfile.ZipInfo(each, (2024, 1, 1, 0, 0, 0)), text)
        return path

    return write
