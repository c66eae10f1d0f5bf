"""Check: the text files of a BIDS dataset say what they may, key by key and row by row, and nothing else."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Final

from medsyngen.release import names
from medsyngen.release.checks import NONE_ASKED_FOR, Problem
from medsyngen.release.draft import Draft
from medsyngen.release.json_bytes import same, strict_json
from medsyngen.version import __version__

_DO = "export again; if it comes back, report it as a bug in medsyngen"
_SIDECAR: Final = {
    "Manufacturer": "SYNTHETIC (medsyngen)",
    "ManufacturersModelName": "medsyngen",
    "SoftwareVersions": __version__,
    "SyntheticData": True,
}
_COLUMNS: Final = {"group": {"Description": "synthetic: no person", "Levels": {"synthetic": "drawn by a generator"}}}
_README: Final = b"Synthetic MR images, made with medsyngen. No participant exists. See README.md of the cohort.\n"


def _description(guarantee: str) -> dict[str, Any]:
    return {
        "Name": "Synthetic MR images",
        "BIDSVersion": "1.10.0",
        "DatasetType": "raw",
        "Acknowledgements": "No participant exists: every image is synthetic.",
        "Keywords": ["synthetic"],
        "GeneratedBy": [{"Name": "medsyngen", "Version": __version__, "Description": guarantee or "none"}],
    }


class BidsCheck:
    """Reads every text file of the dataset; its images are read as all other NIfTI files are.

    A key that no file of ours holds (a date of acquisition, a source) is refused wherever it stands.

    Args:
        draft: What the writer says that it wrote: number, form, privacy sentence; not the files.
    """

    name = "bids files"
    read = "every text file of the BIDS dataset, key by key"
    rules: tuple[str, ...] = ("G2", "G5", "G7", "G8")

    def __init__(self, draft: Draft) -> None:
        self.read = self.read if "bids" in draft.formats else NONE_ASKED_FOR
        patients = -(-draft.count // draft.form.images_per_patient)
        rows = "".join(f"sub-syn{number:06d}\tsynthetic\n" for number in range(1, patients + 1))
        self._exact = {
            "bids/participants.tsv": f"participant_id\tgroup\n{rows}".encode(),
            "bids/README.md": _README,
        }
        self._json = {
            "bids/dataset_description.json": _description(draft.guarantee),
            "bids/participants.json": _COLUMNS,
        }

    def look(self, file: str, data: bytes) -> Iterator[Problem]:
        """Reads one text file below ``bids/``; leaves all other files."""
        if not file.startswith("bids/") or file.endswith(names.SUFFIXES["bids"]):
            return
        if file in self._exact:
            if data != self._exact[file]:
                yield Problem("a table or README of the BIDS dataset is not the one that was asked for", _DO)
        elif not same(strict_json(data), self._json.get(file, _SIDECAR)):
            yield Problem("a JSON file of the BIDS dataset holds another key or value than it may", _DO)

    def finish(self) -> tuple[Problem, ...]:
        """Has nothing to add: files that are missing or too many are found by the walk over the folder."""
        return ()
