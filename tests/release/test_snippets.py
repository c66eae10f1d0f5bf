"""Programs in a cohort's README that open its files."""

from __future__ import annotations

import pytest

from medsyngen.release.form import ReleaseForm
from medsyngen.release.snippets import loading

FORM = ReleaseForm("MR", "HEAD", pixel_spacing_mm=1.0, slice_spacing_mm=1.0)


@pytest.mark.parametrize(
    ("formats", "image"), [(("nifti", "png"), "nifti"), (("bids",), "bids"), (("dicom", "png"), None), (("npz",), None)]
)
def test_pairs_are_of_an_image_and_its_map_and_never_of_the_map_alone(formats, image):
    text = "\n".join(loading(FORM, formats, volumes=True, labels=True))
    assert 'row["labels"], "label"' not in text
    assert ('"label": row["labels"]' in text) == (image is not None)
    assert image is None or f'"image": row["{image}"]' in text
