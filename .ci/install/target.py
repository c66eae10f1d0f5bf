"""Which machine a wheelhouse is for: this one, or another platform and Python."""

from __future__ import annotations

import platform
import re
import sys
from dataclasses import dataclass
from typing import Final

from packaging.markers import default_environment

SYSTEMS: Final = {"manylinux": ("linux", "Linux"), "linux": ("linux", "Linux"), "macosx": ("darwin", "Darwin")}
_OLD_NAMES: Final = {17: "manylinux2014", 12: "manylinux2010", 5: "manylinux1"}
"""What wheels called a C library of version 2.N before its number stood in the name."""


class NotMade(SystemExit):
    """A wheelhouse that can't be made; the message says why and what to do."""


@dataclass(frozen=True)
class Target:
    """A machine without a network.

    Attributes:
        python: Its Python, ``3.11`` or newer.
        wheel_platform: As wheels name it, for instance ``manylinux_2_28_x86_64``; empty is this machine.
    """

    python: str
    wheel_platform: str

    def __post_init__(self) -> None:
        if not re.fullmatch(r"3\.\d+", self.python):
            raise NotMade(f"{self.python!r} is no Python version: say 3.11 or 3.12")
        if int(self.python[2:]) < 11:
            raise NotMade(f"medsyngen needs Python 3.11 or newer, and this is for {self.python}")
        if self.wheel_platform and self._system is None:
            raise NotMade(
                f"{self.wheel_platform!r} is not one of manylinux_…, macosx_…: on Windows install Linux in WSL2, "
                "and make a wheelhouse for manylinux_2_28_x86_64"
            )

    @property
    def _system(self) -> tuple[str, str] | None:
        return SYSTEMS.get(re.split(r"_|\d", self.wheel_platform)[0])

    @property
    def is_this_machine(self) -> bool:
        """Whether this Python on this machine is meant: then a package without a wheel can be built."""
        return not self.wheel_platform and self.python == this_python()

    @property
    def machine(self) -> str:
        """The processor: ``x86_64``, ``aarch64`` or ``arm64``."""
        found = re.search(r"(x86_64|aarch64|arm64)$", self.wheel_platform)
        return found.group(1) if found else platform.machine()

    def environment(self) -> dict[str, str]:
        """Returns what markers are asked against (PEP 508); CPython is meant."""
        found = {key: str(value) for key, value in default_environment().items()}
        if self.is_this_machine:
            return found
        found |= {
            "python_version": self.python,
            "python_full_version": f"{self.python}.0",
            "platform_machine": self.machine,
        }
        if self._system:
            found |= {"sys_platform": self._system[0], "platform_system": self._system[1], "os_name": "posix"}
        return found

    def pip_options(self) -> list[str]:
        """Returns what tells ``pip download`` about another machine."""
        options = ["--only-binary=:all:", "--python-version", self.python, "--implementation", "cp"]
        return [*options, *(f"--platform={each}" for each in self._platforms())]

    def _platforms(self) -> list[str]:
        named = self.wheel_platform
        older = re.match(r"macosx_(\d+)_\d+_(\w+)", named)
        if older:  # Apple's: anything that an older macOS takes
            machines = (older.group(2), "universal2")
            return [f"macosx_{major}_0_{m}" for major in range(int(older.group(1)), 10, -1) for m in machines]
        newest = re.match(r"manylinux_2_(\d+)_", named)
        if newest:  # pip takes the names that it is told and thinks of no older ones
            numbers = range(int(newest.group(1)), 4, -1)
            names = [f"manylinux_2_{each}" for each in numbers] + [_OLD_NAMES[n] for n in numbers if n in _OLD_NAMES]
            return [f"{each}_{self.machine}" for each in names]
        return [named] if named else []

    def __str__(self) -> str:
        return f"Python {self.python} on {self.wheel_platform or f'{platform.system()} {platform.machine()}'}"


def this_python() -> str:
    """Returns the running Python as ``3.11``."""
    return f"{sys.version_info.major}.{sys.version_info.minor}"
