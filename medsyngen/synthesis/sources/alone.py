"""Runs a program that is handed nothing: no environment, no open file, no input, no folder but a new one."""

from __future__ import annotations

import os
import signal
import subprocess
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path


def run_alone(command: Sequence[str], folder: Path, *, path: str, seconds: float) -> str | None:
    """Runs a command to its end, and ends what it left running.

    Guarantee: of this process the program gets its arguments and the folder: ``PATH`` is its one variable, its input is
    empty, its output goes nowhere, no other file is open in it, and its processes form a group of their own, which is
    killed when the command has ended or its time is up.

    Args:
        command: Program and arguments.
        folder: Where it starts.
        path: ``PATH``, by which the program is found, too.
        seconds: Time limit.

    Returns:
        Why it failed, or None.
    """
    try:
        process = subprocess.Popen(
            list(command),
            cwd=folder,
            env={"PATH": path},
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            close_fds=True,
            start_new_session=True,
        )
    except OSError as error:
        return f"it can't be started ({os.strerror(error.errno or 0)})"
    try:
        status = process.wait(seconds)
    except subprocess.TimeoutExpired:
        return f"it had not ended after {seconds:g} seconds"
    finally:
        _kill_group(process)
    return None if status == 0 else f"it ended with status {status}"


def _kill_group(process: subprocess.Popen[bytes]) -> None:
    # The group's number is not used again while any process of it lives.
    with suppress(ProcessLookupError, PermissionError):
        os.killpg(process.pid, signal.SIGKILL)
    process.wait()
