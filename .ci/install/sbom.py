"""The list of everything in a wheelhouse with its licence, as CycloneDX JSON: ``make sbom``.

The work is cyclonedx-py's, which reads the metadata of what is installed. Nothing is installed for it: the metadata of
each wheel is laid out as it would be, so that the list of a wheelhouse for another machine is as good.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
import venv
import zipfile
from pathlib import Path
from typing import Any, Final

from packaging.utils import canonicalize_name, parse_wheel_filename

from install.contents import sha256
from install.licences import concluded, licences, refused

ROOT: Final = Path(__file__).resolve().parents[2]
_SPEC: Final = "1.6"


def write_sbom(folder: Path, out: Path, *, python: str = sys.executable) -> None:
    """Lists the wheels of a folder.

    Args:
        folder: A wheelhouse.
        out: The file; replaced if it is there. The same wheels give the same bytes.
        python: The Python that has cyclonedx-py.

    Raises:
        SystemExit: A licence that a hospital could not live with.
    """
    wheels = {canonicalize_name(parse_wheel_filename(path.name)[0]): path for path in folder.glob("*.whl")}
    with tempfile.TemporaryDirectory() as temporary:
        laid_out = Path(temporary) / "venv"
        venv.create(laid_out, with_pip=False)
        (packages,) = laid_out.glob("lib/python*/site-packages")
        for wheel in wheels.values():
            with zipfile.ZipFile(wheel) as archive:
                names = [name for name in archive.namelist() if name.split("/")[0].endswith(".dist-info")]
                archive.extractall(packages, names)
        found = list_of(laid_out, python)
    for component in [found["metadata"]["component"], *found["components"]]:
        path = wheels[canonicalize_name(component["name"])]  # medsyngen's own stands apart from what it needs
        component["version"] = str(parse_wheel_filename(path.name)[1])
        component["hashes"] = [{"alg": "SHA-256", "content": sha256(path)}]
    bad = refused(found)
    if bad:
        raise SystemExit("licences that a hospital could not live with: " + "; ".join(bad))
    out.parent.mkdir(parents=True, exist_ok=True)
    out.write_text(json.dumps(found, indent=1, sort_keys=True) + "\n", encoding="utf-8")


def list_of(environment: Path, python: str) -> dict[str, Any]:
    """Returns the CycloneDX list of a virtual environment; cyclonedx-py holds it against the schema itself.

    Args:
        environment: Its folder.
        python: The Python that has cyclonedx-py.
    """
    command = [python, "-m", "cyclonedx_py", "environment", "--output-format", "JSON", "--spec-version", _SPEC]
    command += ["--output-reproducible", "--validate", "--pyproject", str(ROOT / "pyproject.toml"), str(environment)]
    # Paths of the machine that made the list are nobody's business: PATH is all that the tool gets.
    settings = {"PATH": os.environ.get("PATH", os.defpath), "PYTHONPATH": ""}
    done = subprocess.run(command, capture_output=True, text=True, check=False, env=settings)
    if done.returncode:
        raise SystemExit(f"no list of contents: {done.stderr[-2000:]}")
    found: dict[str, Any] = json.loads(done.stdout)
    for component in found["components"]:
        if not licences(component):
            component["licenses"] = concluded(canonicalize_name(component["name"]))
    return found


if __name__ == "__main__":
    write_sbom(Path(sys.argv[1]), Path(sys.argv[2]))
