import numpy as np
import pytest
from bench_pieces import SIZE, simulated, task
from PIL import Image

from medsyngen.errors import InputUnusable
from medsyngen.evaluation.submission import read_submission
from medsyngen.formats.png import write_png


@pytest.fixture(scope="module")
def images():
    return simulated(20, 5)


def png_folders(folder, images, names=("normal", "opacity"), bits=8):
    for number, (pixels, label) in enumerate(zip(images.pixels, images.classes, strict=True)):
        (folder / names[label]).mkdir(exist_ok=True, parents=True)
        write_png(folder / names[label] / f"{number:04d}.png", pixels, bits=bits)
    return folder


def cohort(folder, images):
    (folder / "png").mkdir(parents=True)
    rows = ["png,synthetic_patient_id,class"]
    for number, (pixels, label) in enumerate(zip(images.pixels, images.classes, strict=True)):
        write_png(folder / "png" / f"{number:04d}.png", pixels)
        rows.append(f"png/{number:04d}.png,SYN-{number},{('normal', 'opacity')[label]}")
    (folder / "cohort.csv").write_text("\n".join(rows) + "\n")
    return folder


def npz(path, these, **others):
    path.parent.mkdir(exist_ok=True, parents=True)
    arrays = {"images": np.rint((these.pixels[:, 0] + 1) * 127.5).astype(np.uint8), "label": these.classes, **others}
    np.savez(path, **arrays)
    return path


def test_all_ways_to_give_images_are_one(images, tmp_path):
    everything = task(images=1000)
    npz(tmp_path / "in a folder" / "any.npz", images)
    places = [
        cohort(tmp_path / "cohort", images),
        npz(tmp_path / "x.npz", images),
        tmp_path / "in a folder",
        npz(tmp_path / "floats.npz", images, images=np.rint((images.pixels[:, 0] + 1) * 127.5) / 127.5 - 1),
        npz(tmp_path / "names.npz", images, label=np.array(["Normal", "opacity"])[images.classes]),
    ]
    read = [read_submission(place, everything) for place in places]
    assert len({each.sha256 for each in read[:3] + read[4:]}) == 1
    for each in read:
        np.testing.assert_allclose(each.images.pixels, images.pixels, atol=1 / 254)
        assert (each.images.classes == images.classes).all()
        assert each.found == tuple(images.per_class(2))
        assert each.sizes == ((SIZE, SIZE),)
        assert len(set(each.images.patients.tolist())) == len(images)


@pytest.mark.parametrize("bits", [8, 16])
def test_folders_of_png_by_class(images, tmp_path, bits):
    found = read_submission(png_folders(tmp_path, images, bits=bits), task(images=1000)).images
    order = np.argsort(images.classes, kind="stable")  # by name of the folder
    np.testing.assert_allclose(found.pixels, images.pixels[order], atol=1.01 / (2**bits - 1))
    assert (found.classes == np.sort(images.classes)).all()


def test_coloured_pngs_become_grey(images, tmp_path):
    png_folders(tmp_path, images, names=("0", "1"))
    expected = read_submission(tmp_path, task(images=1000))
    for i, path in enumerate(sorted(tmp_path.glob("*/*.png"))):
        with Image.open(path) as image:
            coloured = image.convert(("RGB", "RGBA", "P")[i % 3])
        coloured.save(path)
    assert read_submission(tmp_path, task(images=1000)).sha256 == expected.sha256


def test_of_more_images_the_first_at_the_declared_shares_are_scored(images, tmp_path):
    found = read_submission(npz(tmp_path / "x.npz", images), task(images=12))
    assert found.images.per_class(2) == [6, 6]
    assert found.found == tuple(images.per_class(2))
    first = np.sort(np.concatenate([np.flatnonzero(images.classes == c)[:6] for c in (0, 1)]))
    np.testing.assert_allclose(found.images.pixels, images.pixels[first], atol=1 / 254)


def test_larger_images_are_fitted_as_scans_are(tmp_path):
    large = simulated(20, 6, size=2 * SIZE)
    found = read_submission(npz(tmp_path / "x.npz", large), task(images=1000))
    assert found.images.pixels.shape[2:] == (SIZE, SIZE)
    assert found.sizes == ((2 * SIZE, 2 * SIZE),)
    means = large.pixels.reshape(-1, SIZE, 2, SIZE, 2).mean((2, 4))
    assert np.abs(found.images.pixels[:, 0] - means).mean() < 0.05


def refused(place, words, **changes):
    with pytest.raises(InputUnusable) as caught:
        read_submission(place, task(**changes))
    text = " ".join([caught.value.what, caught.value.do, *caught.value.details])
    assert words in text


def test_what_cannot_be_scored_is_refused_with_the_reason(images, tmp_path):
    refused(tmp_path / "nowhere", "not there")
    (tmp_path / "empty").mkdir()
    refused(tmp_path / "empty", "folders normal and opacity")
    refused(png_folders(tmp_path / "a", images, names=("normal", "abnormal")), "'abnormal' is none of")
    refused(png_folders(tmp_path / "b", images, names=("normal", "normal")), "images of the class opacity")
    refused(png_folders(tmp_path / "c", images), "16 x 16 pixels are smaller than the task's 28 x 28", size=28)
    (tmp_path / "c" / "normal" / "zz.png").write_bytes(b"no picture")
    refused(tmp_path / "c", "normal/zz.png")
    refused(npz(tmp_path / "d.npz", images, label=images.classes + 1), "'2' is none of")
    refused(npz(tmp_path / "e.npz", images, images=2 * images.pixels[:, 0]), "outside [-1, 1]")
    np.savez(tmp_path / "f.npz", images=images.pixels[:, 0])
    refused(tmp_path / "f.npz", "no array `label`")
    np.savez(tmp_path / "g.npz", pictures=images.pixels[:, 0])
    refused(tmp_path / "g.npz", "can't be used")
    cohort(tmp_path / "h", images)
    (tmp_path / "h" / "cohort.csv").write_text("dicom,class\ndicom/1.dcm,normal\n")
    refused(tmp_path / "h", "columns `png` and `class`")
