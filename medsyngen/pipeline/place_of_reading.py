"""Where a reading keeps what it read, before it is known whether there will be a run."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from medsyngen.cohort.kept_pixels import disk_errors
from medsyngen.errors import MedsyngenError
from medsyngen.pipeline.run_folder import RunFolder


@contextmanager
def place_of_reading(folder: RunFolder) -> Iterator[None]:
    """Makes the folders of index and cache; takes away what it made if the scans are refused.

    What an interrupt or a crash leaves stays in the private part: the next reading goes on from it.

    Raises:
        MedsyngenError: They can't be made.
    """
    inside = [each for each in (folder.cache_folder, folder.private) if not each.exists()]
    new = not folder.path.exists()
    try:
        with disk_errors():
            folder.path.mkdir(parents=True, exist_ok=True)
            for private in (folder.private, folder.cache_folder):
                private.mkdir(mode=0o700, exist_ok=True)
                private.chmod(0o700)
        yield
    except MedsyngenError:
        _take_away(inside, folder.path if new else None)
        raise


def _take_away(inside: list[Path], run: Path | None) -> None:
    for each in inside:
        shutil.rmtree(each, ignore_errors=True)
    if run is not None:
        with suppress(OSError):  # something else came to lie there meanwhile
            run.rmdir()
