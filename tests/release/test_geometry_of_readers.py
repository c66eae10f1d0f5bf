"""Programs of others read one and the same geometry and values from what is written: DICOM series and NIfTI alike."""

import subprocess
import warnings

import nibabel
import numpy as np
import pydicom
import pytest
from cohorts import CT, MR, PICTURE, VOLUME, made, pixels_of, program

from medsyngen.formats.geometry import plane_of
from medsyngen.formats.placing import affine, as_slices, as_volume, slice_plane

LPS_TO_RAS = np.diag([-1.0, -1.0, 1.0, 1.0])
FORMS = {"CT": CT, "MR": MR}


def value_at(volume, matrix, mm):
    """The voxel of a volume whose centre lies at a place in mm, RAS+."""
    index = np.linalg.solve(matrix, [*mm, 1.0])[:3]
    assert np.allclose(index, np.rint(index), atol=1e-3)
    return volume[tuple(np.rint(index).astype(int))]


def same(volume, matrix, other, other_matrix):
    """Every voxel of one volume lies in the other at the same place, with the same value; wherever indices start."""
    assert volume.size == other.size
    places = [np.array(index) for index in np.ndindex(volume.shape)]
    for index in places[:: max(len(places) // 200, 1)] + places[-1:]:
        mm = (matrix @ [*index, 1.0])[:3]
        assert value_at(other, other_matrix, mm) == volume[tuple(index)]


@pytest.fixture(scope="module", params=[(m, s) for m in FORMS for s in (VOLUME, PICTURE)], ids=str)
def written(request, tmp_path_factory):
    """A series or a slice as DICOM, the same as NIfTI, and what it should hold."""
    modality, shape = request.param
    draft = made(tmp_path_factory.mktemp("g") / "c", shape, ("dicom", "nifti"), FORMS[modality], given=("normal",))
    files = sorted((draft.folder / "dicom").rglob("*.dcm"))
    image = nibabel.load(draft.folder / "nifti" / "SYN-000001.nii.gz")
    wanted = as_volume(pixels_of(shape, 1)[0, 0])
    top = 1400 if modality == "CT" else 4095
    levels = np.rint((wanted.astype(np.float64) + 1) / 2 * top) - (1000 if modality == "CT" else 0)
    return files, image, levels, affine(shape, (0.7, 0.7, 2.5))


def test_nifti_holds_the_values_and_says_where_they_are(written):
    _, image, levels, matrix = written
    assert (np.asarray(image.dataobj) == levels).all()
    header = image.header
    assert np.allclose(image.get_qform(), matrix, atol=1e-5)
    assert np.allclose(image.get_sform(), matrix, atol=1e-5)
    assert (int(header["qform_code"]), int(header["sform_code"])) == (1, 1)
    assert header.get_xyzt_units() == ("mm", "sec")
    assert header.get_data_dtype() == np.int16
    assert bytes(header["descrip"]).rstrip(b"\0").startswith(b"synthetic medsyngen")
    assert not header.extensions


def dicom_volume(files):
    """The volume (column, row, slice) and its matrix by hand, from pydicom."""
    slices = [pydicom.dcmread(path) for path in files]
    plane = plane_of(slices[0])
    last = plane_of(slices[-1])
    step = np.subtract(last.position, plane.position) / max(len(slices) - 1, 1)
    normal = np.cross(plane.row, plane.column)
    matrix = np.eye(4)
    matrix[:3, 0] = np.array(plane.row) * plane.spacing_mm[1]
    matrix[:3, 1] = np.array(plane.column) * plane.spacing_mm[0]
    matrix[:3, 2] = step if len(slices) > 1 else normal
    matrix[:3, 3] = plane.position
    values = np.stack([pydicom.pixels.apply_modality_lut(ds.pixel_array, ds) for ds in slices], axis=-1)
    return values.transpose(1, 0, 2), LPS_TO_RAS @ matrix


def test_pydicom(written):
    files, image, _, _ = written
    same(*dicom_volume(files), np.asarray(image.dataobj), image.affine)


def test_simpleitk(written):
    itk = pytest.importorskip("SimpleITK", reason="SimpleITK comes with the test extra")
    files, image, _, matrix = written
    reader = itk.ImageSeriesReader()
    reader.SetFileNames([str(path) for path in files])
    for seen in (reader.Execute(), itk.ReadImage(str(image.get_filename()))):
        directions = np.array(seen.GetDirection()).reshape(3, 3) * np.array(seen.GetSpacing())
        own = np.eye(4)
        own[:3, :3], own[:3, 3] = directions, seen.GetOrigin()
        same(itk.GetArrayFromImage(seen).transpose(2, 1, 0), LPS_TO_RAS @ own, np.asarray(image.dataobj), matrix)


def test_highdicom(written):
    highdicom = pytest.importorskip("highdicom", reason="highdicom comes with the test extra")
    files, image, _, matrix = written
    if len(files) == 1:
        return  # one slice is no volume there
    volume = highdicom.get_volume_from_series([pydicom.dcmread(path) for path in files])
    same(volume.array, LPS_TO_RAS @ volume.affine, np.asarray(image.dataobj), matrix)


def test_dcm2niix(written, tmp_path):
    files, image, _, matrix = written
    command = [program("dcm2niix"), "-b", "y", "-ba", "n", "-z", "n", "-o", tmp_path, "-f", "out", files[0].parent]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    (found,) = tmp_path.glob("*.nii")
    seen = nibabel.load(found)
    same(np.asarray(seen.dataobj), seen.affine, np.asarray(image.dataobj), matrix)
    assert "Mediso" not in next(tmp_path.glob("*.json")).read_text()


@pytest.mark.slow
def test_monai(written):
    files, image, _, _ = written
    if len(files) == 1:
        return  # a single slice has a singular matrix there
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # its readers warn of what they do
        from monai.transforms import LoadImage

        loaded = LoadImage(reader="PydicomReader", image_only=True)(files[0].parent)
    same(loaded.numpy(), loaded.affine.numpy(), np.asarray(image.dataobj), image.affine)


def test_a_picture_lies_where_a_volume_of_one_slice_would():
    picture = pixels_of(PICTURE, 1)[0, 0]
    volume = as_volume(picture)
    assert volume.shape == (7, 6, 1)
    assert (as_slices(volume)[0] == picture).all()
    assert slice_plane(0, PICTURE, (0.7, 0.7, 2.5), thickness_mm=None) == slice_plane(
        0, (7, 6, 1), (0.7, 0.7, 2.5), thickness_mm=None
    )


def test_row_0_is_in_front_and_column_0_on_the_patients_right():
    """Radiological convention, and RAS+ indices that grow to the right and to the front."""
    picture = np.zeros((6, 7), np.float32)
    picture[0, 0] = 1.0
    (x,), (y,), _ = np.nonzero(as_volume(picture))
    place = affine((6, 7), (1.0, 1.0, 1.0)) @ [x, y, 0, 1]
    assert place[0] > 0  # right
    assert place[1] > 0  # front
