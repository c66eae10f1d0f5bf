"""Which synthetic patient, study and series an image belongs to: by its number alone, as the recipe says."""

from __future__ import annotations

from dataclasses import dataclass

from medsyngen.formats.dicom_templates import SyntheticIdentity, fresh_uid
from medsyngen.release import names
from medsyngen.release.form import ReleaseForm


@dataclass(frozen=True)
class Place:
    """Where an image is filed; all numbers count from 1.

    Args:
        patient: Number of the synthetic patient.
        study: Of the patient's studies.
        series: Of the study's series; a series is one image.
    """

    patient: int
    study: int
    series: int


def place_of(number: int, form: ReleaseForm) -> Place:
    """Returns where image ``number`` (from 1) is filed: neighbours share a patient, and within it a study."""
    patient, image = divmod(number - 1, form.images_per_patient)
    study, series = divmod(image, form.images_per_patient // form.studies_per_patient)
    return Place(patient + 1, study + 1, series + 1)


class Identities:
    """Fresh identities, image by image in their order; images of one study share its UID.

    Args:
        tag: Of the cohort's patients.
        form: How many images and studies a patient has.
    """

    def __init__(self, tag: str, form: ReleaseForm) -> None:
        self._tag = tag
        self._form = form
        self._study: tuple[int, int] = (0, 0)
        self._study_uid = ""

    def patient_id(self, number: int) -> str:
        """Returns the Patient ID of image ``number``."""
        return names.patient_id(self._tag, place_of(number, self._form).patient)

    def of(self, number: int) -> SyntheticIdentity:
        """Returns the identity of image ``number``, in a new series."""
        place = place_of(number, self._form)
        if (place.patient, place.study) != self._study:
            self._study, self._study_uid = (place.patient, place.study), fresh_uid()
        return SyntheticIdentity.fresh(
            self.patient_id(number), study_uid=self._study_uid, study=place.study, series=place.series
        )
