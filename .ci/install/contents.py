"""What lies in a wheelhouse beside the wheels: hashed requirements, sums, a page for whoever installs, a signature."""

from __future__ import annotations

import hashlib
import subprocess
from collections.abc import Sequence
from pathlib import Path
from typing import Final

from packaging.utils import parse_wheel_filename

from install.target import NotMade, Target

REQUIREMENTS: Final = "requirements.txt"
SBOM: Final = "sbom.cdx.json"
SUMS: Final = "SHA256SUMS"
NAMESPACE: Final = "medsyngen-wheelhouse"
"""What a signature is for: one made for a cohort is no signature of a wheelhouse."""
_README: Final = """\
Wheels of medsyngen for {target}, PyTorch: {torch}, extras: {extras}.

    sha256sum --check --strict --quiet SHA256SUMS
    python{python} -m venv /opt/medsyngen
    /opt/medsyngen/bin/pip install --no-index --find-links . --require-hashes -r requirements.txt
    /opt/medsyngen/bin/medsyngen --version

Nothing here needs a network. sbom.cdx.json lists every package with its licence (CycloneDX).
"""


def sha256(path: Path) -> str:
    """Returns the SHA-256 of a file, in hexadecimal."""
    with path.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()


def requirements(folder: Path) -> str:
    """Returns a requirements file of exactly the wheels in a folder, each with its hash."""
    lines = []
    for wheel in sorted(folder.glob("*.whl")):
        name, version, _, _ = parse_wheel_filename(wheel.name)
        lines.append(f"{name}=={version} --hash=sha256:{sha256(wheel)}\n")
    return "".join(lines)


def describe(folder: Path, target: Target, torch: str, extras: Sequence[str]) -> None:
    """Writes requirements, README and, over everything, the sums that ``sha256sum --check`` reads."""
    (folder / REQUIREMENTS).write_text(requirements(folder), encoding="utf-8")
    page = _README.format(target=target, torch=torch, extras=", ".join(extras) or "none", python=target.python)
    (folder / "README.txt").write_text(page, encoding="utf-8")
    listed = sorted(path for path in folder.iterdir() if path.name != SUMS)
    sums = "".join(f"{sha256(path)}  {path.name}\n" for path in listed)
    (folder / SUMS).write_text(sums, encoding="utf-8")


def sign(folder: Path, key: Path) -> None:
    """Signs the sums with an SSH key, into ``SHA256SUMS.sig`` (``ssh-keygen -Y``, OpenSSH 8.2 or newer).

    Raises:
        NotMade: ssh-keygen did not sign.
    """
    signature = folder / f"{SUMS}.sig"
    signature.unlink(missing_ok=True)
    command = ["ssh-keygen", "-q", "-Y", "sign", "-f", str(key), "-n", NAMESPACE, str(folder / SUMS)]
    if subprocess.run(command, check=False).returncode or not signature.is_file():
        raise NotMade(f"{folder} is whole, but ssh-keygen did not sign it")
