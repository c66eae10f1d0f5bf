"""The files of a BIDS dataset of synthetic MR images, but for the images themselves.

Source: BIDS 1.10 (dataset_description.json, participants.tsv, anatomy imaging data). BIDS has no mark for synthetic
data: the group of every participant, the dataset's name and keywords, and a key of the sidecars say it here.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any, Final

from medsyngen.formats.dicom_templates import MANUFACTURER
from medsyngen.release.form import ReleaseForm
from medsyngen.release.patients import place_of
from medsyngen.version import __version__

VERSION: Final = "1.10.0"
DESCRIPTION: Final = "bids/dataset_description.json"
PARTICIPANTS: Final = "bids/participants.tsv"
COLUMNS: Final = "bids/participants.json"
README: Final = "bids/README.md"
SIDECAR: Final[Mapping[str, Any]] = {
    "Manufacturer": MANUFACTURER,
    "ManufacturersModelName": "medsyngen",
    "SoftwareVersions": __version__,
    "SyntheticData": True,
}
"""What stands beside every image; there was no magnet and no sequence to tell of."""
README_TEXT: Final = "Synthetic MR images, made with medsyngen. No participant exists. See README.md of the cohort.\n"


def image_stem(number: int, form: ReleaseForm) -> str:
    """Returns the path of image ``number``, relative to the cohort's folder, without its suffix."""
    place = place_of(number, form)
    subject = f"sub-syn{place.patient:06d}"
    session = f"ses-{place.study:02d}" if form.studies_per_patient > 1 else ""
    run = f"run-{place.series:02d}" if form.images_per_patient > form.studies_per_patient else ""
    folder = "/".join(part for part in ("bids", subject, session, "anat") if part)
    return f"{folder}/{'_'.join(part for part in (subject, session, run, form.bids_suffix) if part)}"


def image_files(number: int, form: ReleaseForm) -> tuple[str, str]:
    """Returns the paths of image ``number`` and of its sidecar."""
    stem = image_stem(number, form)
    return f"{stem}.nii.gz", f"{stem}.json"


def json_bytes(content: Mapping[str, Any]) -> bytes:
    """Returns a JSON file, the same for the same content."""
    return (json.dumps(content, indent=1, ensure_ascii=False, allow_nan=False) + "\n").encode()


def dataset_files(count: int, form: ReleaseForm, guarantee: str) -> dict[str, bytes]:
    """Returns the dataset's own files by path.

    Args:
        count: Number of images.
        form: What they are released as.
        guarantee: The privacy sentence.
    """
    patients = place_of(count, form).patient
    rows = "".join(f"sub-syn{number:06d}\tsynthetic\n" for number in range(1, patients + 1))
    return {
        DESCRIPTION: json_bytes(
            {
                "Name": "Synthetic MR images",
                "BIDSVersion": VERSION,
                "DatasetType": "raw",
                "Acknowledgements": "No participant exists: every image is synthetic.",
                "Keywords": ["synthetic"],
                "GeneratedBy": [{"Name": "medsyngen", "Version": __version__, "Description": guarantee or "none"}],
            }
        ),
        PARTICIPANTS: f"participant_id\tgroup\n{rows}".encode(),
        COLUMNS: json_bytes(
            {"group": {"Description": "synthetic: no person", "Levels": {"synthetic": "drawn by a generator"}}}
        ),
        README: README_TEXT.encode(),
    }
