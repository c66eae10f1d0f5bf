"""The signature over the manifest, by OpenSSH's own program (``ssh-keygen -Y``, OpenSSH 8.2 or newer)."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path
from typing import Final

from medsyngen.verification.findings import FAILS, HOLDS, NOT_CHECKED, Finding

NAMESPACE: Final = "medsyngen-release"
SIGNATURE: Final = "manifest.json.sig"
_SECONDS: Final = 60
_CHECK: Final = "signature"
_NO_PROGRAM = "ssh-keygen (OpenSSH 8.2 or newer) is not on this machine"


def check_signature(folder: Path, manifest: str, signers: Path | None) -> Finding:
    """Returns whether somebody in the list of signers signed exactly these bytes of the manifest.

    Args:
        folder: The cohort.
        manifest: Name of the manifest in it.
        signers: ``allowed_signers`` of ssh-keygen: a line ``NAME namespaces="medsyngen-release" ssh-ed25519 AAAA…``
            each. Without it a signature is only looked at: whose it is stays open.
    """
    signature = folder / SIGNATURE
    if not signature.is_file():
        if signers is not None:
            return Finding(_CHECK, FAILS, "the manifest is not signed")
        return Finding(_CHECK, NOT_CHECKED, "the manifest is not signed: nobody vouches for it")
    if shutil.which("ssh-keygen") is None:
        return Finding(_CHECK, FAILS if signers is not None else NOT_CHECKED, f"not checked: {_NO_PROGRAM}")
    data = (folder / manifest).read_bytes()
    if signers is None:
        return _unknown_signer(signature, data)
    if not signers.is_file():
        return Finding(_CHECK, FAILS, "the file of signers is not there")
    return _known_signer(signature, data, signers)


def _unknown_signer(signature: Path, data: bytes) -> Finding:
    code, out = _ssh_keygen(["check-novalidate", "-n", NAMESPACE, "-s", str(signature)], data)
    if code:
        return Finding(_CHECK, FAILS, "the signature is not one of this manifest")
    key = out.rpartition(" key ")[2].split()
    fingerprint = key[0] if key else "unknown"
    text = f"the manifest is signed by the key {fingerprint}; whose key that is needs --signers FILE"
    return Finding(_CHECK, NOT_CHECKED, text)


def _known_signer(signature: Path, data: bytes, signers: Path) -> Finding:
    code, out = _ssh_keygen(["find-principals", "-f", str(signers), "-s", str(signature)], b"")
    names = [line.strip() for line in out.splitlines() if line.strip()] if code == 0 else []
    for name in names:
        verify = ["verify", "-f", str(signers), "-I", name, "-n", NAMESPACE, "-s", str(signature)]
        if _ssh_keygen(verify, data)[0] == 0:
            return Finding(_CHECK, HOLDS, f"signed by {name}, who is in the list of signers")
    why = "its signature is not one of these bytes" if names else "its signer is not in the list of signers"
    return Finding(_CHECK, FAILS, f"the manifest: {why}")


def _ssh_keygen(arguments: list[str], data: bytes) -> tuple[int, str]:
    try:
        done = subprocess.run(
            ["ssh-keygen", "-Y", *arguments], input=data, capture_output=True, check=False, timeout=_SECONDS
        )
    except (OSError, subprocess.TimeoutExpired):
        return 1, ""
    return done.returncode, done.stdout.decode("utf-8", "replace")
