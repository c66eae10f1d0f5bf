"""Every kind of cohort: files as listed, the gate passes it, its README's programs run, validators agree."""

import csv
import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from cohorts import CLASSES, CT, GIVEN, GUARANTEE, KINDS, MR, PICTURE, VOLUME, made, pixels_of, program, refusal, review

from medsyngen.errors import UsageError
from medsyngen.formats.dicom_templates import SyntheticIdentity
from medsyngen.release.form import ReleaseForm
from medsyngen.release.patients import Identities, place_of

pytestmark = pytest.mark.slow  # whole cohorts, written and judged

BIN = Path(sys.executable).parent


@pytest.fixture(scope="module", params=KINDS)
def kind(request, tmp_path_factory):
    shape, formats, form = KINDS[request.param]
    return made(tmp_path_factory.mktemp("kinds") / "cohort", shape, formats, form)


def test_the_gate_passes_it_and_no_file_is_unlisted(kind):
    on_disk = {path.relative_to(kind.folder).as_posix() for path in kind.folder.rglob("*") if path.is_file()}
    assert on_disk == set(kind.files)
    release = review(kind)
    assert all(verdict.passed for verdict in release.verdicts)


def test_validators_find_nothing_in_its_dicom_files(kind):
    files = sorted(kind.folder.rglob("*.dcm"))
    for file in files[:: max(len(files) // 3, 1)]:
        done = subprocess.run([BIN / "dciodvfy", "-new", file], capture_output=True, text=True, check=False)
        said = (done.stdout + done.stderr).splitlines()
        assert [line for line in said if line.startswith(("Error", "Warning"))] == []
    if files:
        done = subprocess.run([BIN / "dcentvfy", *files], capture_output=True, text=True, check=False)
        assert (done.returncode, done.stdout + done.stderr) == (0, "")


def test_nifti_tool_finds_its_headers_good(kind):
    for file in sorted(kind.folder.rglob("*.nii.gz"))[:2]:
        for check in ("-check_hdr", "-check_nim"):
            done = subprocess.run([program("nifti_tool"), check, "-infiles", file], capture_output=True, text=True)
            assert done.returncode == 0, done.stdout + done.stderr
            assert "IS GOOD" in done.stdout


def test_the_bids_validator_finds_no_error(kind):
    if "bids" not in kind.formats:
        return
    command = [BIN / "bids-validator-deno", "--format", "json", kind.folder / "bids"]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    found = json.loads(done.stdout)["issues"]["issues"]
    assert (done.returncode, [issue for issue in found if issue["severity"] == "error"]) == (0, [])


def test_the_programs_in_its_readme_run(kind, monkeypatch):
    monkeypatch.chdir(kind.folder)
    text = (kind.folder / "README.md").read_text("utf-8")
    programs = [part.split("```")[0] for part in text.split("```python\n")[1:]]
    assert len(programs) >= len(kind.formats)
    for each in programs:
        exec(compile(each, "README.md", "exec"), {})


def test_its_readme_tells_what_is_in_it(kind):
    text = (kind.folder / "README.md").read_text("utf-8")
    for words in ("Every image here is synthetic", GUARANTEE, "Not for diagnosis", "croissant.json"):
        assert words in text
    for name in ("dicom", "nifti", "bids", "png", "npz"):
        assert (f"| `{name}/` |" in text) == (name in kind.formats)
    assert ("Hounsfield" in text) == (kind.form.modality == "CT")


def test_the_description_validates_and_loads_with_mlcroissant(kind):
    """The judge of another project, in a process of its own: it is heavy, and talks."""
    program_text = """
import sys, warnings
import mlcroissant
dataset = mlcroissant.Dataset(jsonld="croissant.json")
assert not dataset.metadata.ctx.issues.errors, dataset.metadata.ctx.issues.errors
print([{k: v and v.decode() for k, v in record.items()} for record in dataset.records("images")])
"""
    done = subprocess.run(
        [sys.executable, "-c", program_text], cwd=kind.folder, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr[-2000:]
    rows = list(csv.DictReader((kind.folder / "cohort.csv").read_text("utf-8").splitlines()))
    told = [{f"images/{name}": value or None for name, value in row.items()} for row in rows]
    assert eval(done.stdout.strip().splitlines()[-1]) == told


def test_arrays_load_as_medmnist_loads_them(tmp_path):
    """As ``MedMNIST.__init__`` and ``__getitem__`` do: ``{split}_images``, ``{split}_labels``, an image a row."""
    draft = made(tmp_path / "cohort", PICTURE, ("npz",), {})
    with np.load(draft.folder / "npz" / "cohort.npz") as arrays:
        images, labels = arrays["train_images"], arrays["train_labels"]
        assert sorted(arrays.files) == ["train_images", "train_labels"]
    assert (images.dtype, images.shape, labels.dtype, labels.shape) == (np.uint8, (5, 6, 7), np.uint8, (5, 1))
    assert labels[:, 0].tolist() == [CLASSES.index(name) if name else len(CLASSES) for name in GIVEN]
    expected = np.rint((pixels_of(PICTURE)[:, 0].astype(np.float64) + 1) / 2 * 255)
    assert (images == expected).all()
    again = made(tmp_path / "again", PICTURE, ("npz",), {})
    archives = [(each.folder / "npz" / "cohort.npz").read_bytes() for each in (draft, again)]
    assert archives[0] == archives[1]  # no time in it


@pytest.mark.parametrize(
    ("shape", "formats", "form", "words"),
    [
        (VOLUME, ("dicom",), {}, "a volume can't be a CR image"),
        (VOLUME, ("dicom",), {**CT, "slice_spacing_mm": None}, "release.slice_spacing_mm"),
        (VOLUME, ("nifti",), {**MR, "slice_spacing_mm": None}, "release.slice_spacing_mm"),
        (PICTURE, ("bids",), {}, "BIDS has no place for CR"),
        ((6, 7, 10_000), ("nifti",), CT, "can be numbered"),
    ],
)
def test_what_can_not_be_written_is_refused_with_its_reason(tmp_path, shape, formats, form, words):
    with pytest.raises(UsageError) as caught:
        made(tmp_path / "cohort", shape, formats, form, given=("",))
    assert words in "\n".join((caught.value.what, *caught.value.details))
    assert list((tmp_path / "cohort").iterdir()) == []


def test_a_volume_with_its_axes_stands_in_every_format(tmp_path):
    """The same grey values in all, at the same places."""
    draft = made(tmp_path / "cohort", VOLUME, ("nifti", "npz"), {"modality": "MFSC", "bits": 8}, given=("normal",))
    import nibabel

    image = nibabel.load(draft.folder / "nifti" / "SYN-000001.nii.gz")
    assert nibabel.aff2axcodes(image.affine) == ("R", "A", "S")
    with np.load(draft.folder / "npz" / "cohort.npz") as arrays:
        assert (np.asarray(image.dataobj) == arrays["train_images"][0]).all()


def test_images_are_shared_out_over_patients_and_studies():
    form = ReleaseForm(images_per_patient=4, studies_per_patient=2)
    places = [(p.patient, p.study, p.series) for p in (place_of(number, form) for number in range(1, 7))]
    assert places == [(1, 1, 1), (1, 1, 2), (1, 2, 1), (1, 2, 2), (2, 1, 1), (2, 1, 2)]
    identities = Identities("GHJKLM", form)
    first, second, third, *_, last = (identities.of(number) for number in range(1, 6))
    assert isinstance(first, SyntheticIdentity)
    assert first.study_uid == second.study_uid != third.study_uid
    assert first.series_uid != second.series_uid
    assert (first.patient_id, last.patient_id) == ("SYN-GHJKLM-000001", "SYN-GHJKLM-000002")
    assert first.frame_uid != second.frame_uid  # nothing says that they fit onto each other


def test_a_cohort_without_declared_classes_is_numbered_by_their_names(tmp_path):
    draft = made(tmp_path / "cohort", PICTURE, ("npz",), {}, classes=())
    assert review(draft)
    with np.load(draft.folder / "npz" / "cohort.npz") as arrays:
        assert arrays["train_labels"][:, 0].tolist() == [sorted(CLASSES).index(n) if n else 2 for n in GIVEN]


def test_a_class_that_was_not_declared_is_refused(tmp_path):
    checks, said = refusal(made(tmp_path / "cohort", PICTURE, ("png",), {}, classes=("normal",)))
    assert "table" in checks
    assert "does not declare" in said
