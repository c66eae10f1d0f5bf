"""Makes the verifier one file: ``python -m medsyngen.verification.packing OUT`` (``make verifier``).

The file holds this package and the two schemas, nothing else; the same version gives the same bytes, so that a reviewer
can build it and compare.
"""

from __future__ import annotations

import sys
import zipfile
from pathlib import Path
from typing import Final

_PACKAGE: Final = Path(__file__).resolve().parents[1]
_BESIDE: Final = ("__init__.py", "version.py", "report/report.schema.json", "report/report.schema.1.json")
_MAIN: Final = b"import sys\n\nfrom medsyngen.verification.__main__ import main\n\nsys.exit(main())\n"
_SHEBANG: Final = b"#!/usr/bin/env python3\n"
_MOMENT: Final = (1980, 1, 1, 0, 0, 0)
_MODE: Final = 0o100644 << 16


def pack(out: Path) -> Path:
    """Writes the verifier, and returns where it is.

    Args:
        out: A file, for instance ``medsyngen-verify.pyz``; replaced if it is there.
    """
    ours = (path.relative_to(_PACKAGE).as_posix() for path in (_PACKAGE / "verification").iterdir() if path.is_file())
    names = sorted({*_BESIDE, *ours})
    out.parent.mkdir(parents=True, exist_ok=True)
    with out.open("wb") as stream:
        stream.write(_SHEBANG)
        with zipfile.ZipFile(stream, "w", zipfile.ZIP_STORED) as archive:
            archive.writestr(_entry("__main__.py"), _MAIN)
            for name in names:
                archive.writestr(_entry(f"medsyngen/{name}"), (_PACKAGE / name).read_bytes())
    out.chmod(0o755)
    return out


def _entry(name: str) -> zipfile.ZipInfo:
    entry = zipfile.ZipInfo(name, _MOMENT)
    entry.external_attr = _MODE
    entry.create_system = 3
    return entry


if __name__ == "__main__":
    pack(Path(sys.argv[1]))
