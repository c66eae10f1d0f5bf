"""The hospital's signature over the manifest, by OpenSSH's ``ssh-keygen -Y sign``."""

from __future__ import annotations

import shutil
import subprocess
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from medsyngen.errors import UsageError
from medsyngen.verification.signature import NAMESPACE

_SIGNATURE_BEGINS: Final = b"-----BEGIN SSH SIGNATURE-----"


@dataclass(frozen=True)
class SigningKey:
    """A key that signs manifests; the private part stays with ssh-keygen, or with its agent.

    Args:
        path: An SSH private key, or a public one whose private part the agent holds. A passphrase is asked for on the
            terminal by ssh-keygen itself.

    Raises:
        UsageError: There is no such file, or no ssh-keygen.
    """

    path: Path = field(repr=False)

    def __post_init__(self) -> None:
        if shutil.which("ssh-keygen") is None:
            raise UsageError("there is no ssh-keygen here to sign with", do="install OpenSSH 8.2 or newer")
        if not self.path.is_file():
            raise UsageError(
                "the key to sign with is not there",
                do="make one (`ssh-keygen -t ed25519 -f release-key`) and name it with --sign",
            )

    def sign(self, data: bytes) -> bytes:
        """Returns the signature of these bytes in the namespace ``medsyngen-release``.

        Raises:
            UsageError: ssh-keygen refused: a wrong passphrase, no key in the file, permissions too open.
        """
        command = ["ssh-keygen", "-q", "-Y", "sign", "-f", str(self.path), "-n", NAMESPACE]
        done = subprocess.run(command, input=data, capture_output=True, check=False)
        if done.returncode != 0 or not done.stdout.startswith(_SIGNATURE_BEGINS):
            raise UsageError(
                "ssh-keygen did not sign with this key; nothing was exported",
                do="try it by hand: echo | ssh-keygen -Y sign -n medsyngen-release -f KEY",
            )
        return done.stdout
