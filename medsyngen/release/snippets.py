"""How to open a cohort: the programs in its README, each run by a test on an exported cohort."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Final

from medsyngen.release import names
from medsyngen.release.bids import image_files
from medsyngen.release.form import ReleaseForm

_DICOM: Final = """pydicom:

```python
import pydicom
ds = pydicom.dcmread("{file}")
assert ds.SyntheticData == "YES"
pixels = ds.pixel_array{rescaled}
```
"""
_SERIES: Final = """pydicom, a volume (slice, row, column):

```python
from pathlib import Path
import numpy as np
import pydicom
slices = [pydicom.dcmread(path) for path in sorted(Path("{folder}").glob("*.dcm"))]
assert all(ds.SyntheticData == "YES" for ds in slices)
volume = np.stack([ds.pixel_array{rescaled} for ds in slices])
```
"""
_MONAI_SERIES: Final = """MONAI, the same volume (channel, x, y, z):

```python
from monai.transforms import LoadImage
volume = LoadImage(reader="PydicomReader", ensure_channel_first=True, image_only=True)("{folder}")
```
"""
_NIFTI: Final = """nibabel (x, y, z), and MONAI (channel, x, y, z):

```python
import nibabel
volume = nibabel.load("{file}")
values, affine = volume.get_fdata(), volume.affine
```

```python
from monai.transforms import LoadImage
volume = LoadImage(ensure_channel_first=True, image_only=True)("{file}")
```
"""
_PNG: Final = """Pillow, and MONAI over the whole table:

```python
from PIL import Image
picture = Image.open("{file}")
assert picture.text["Synthetic"] == "YES"
```

```python
import csv
from monai.data import DataLoader, Dataset
from monai.transforms import Compose, EnsureChannelFirstd, LoadImaged
with open("cohort.csv", encoding="utf-8") as table:
    rows = list(csv.DictReader(table))
loaded = Dataset(rows, Compose([LoadImaged(keys="png", image_only=True), EnsureChannelFirstd(keys="png")]))
batch = next(iter(DataLoader(loaded, batch_size=2)))["png"]
```
"""
_NPZ: Final = """NumPy, in the layout of MedMNIST (all images are for training; keep real ones to test with):

```python
import numpy as np
with np.load("npz/cohort.npz", allow_pickle=False) as arrays:
    images, labels = arrays["train_images"], arrays["train_labels"]
```
"""


_PAIRS: Final = """MONAI, volumes with their label maps over the whole table, for a network that segments:

```python
import csv
from monai.data import DataLoader, Dataset
from monai.transforms import LoadImaged
with open("cohort.csv", encoding="utf-8") as table:
    rows = [{{"image": row["{of}"], "label": row["labels"]}} for row in csv.DictReader(table)]
pairs = Dataset(rows, LoadImaged(keys=["image", "label"], ensure_channel_first=True, image_only=True))
batch = next(iter(DataLoader(pairs, batch_size=2)))["label"]
```
"""


def _dicom(form: ReleaseForm, volumes: bool) -> str:
    rescaled = " * ds.RescaleSlope + ds.RescaleIntercept" if form.modality == "CT" else ""
    if not volumes or form.modality == "MFSC":
        return _DICOM.format(file=names.image_file("dicom", 1), rescaled=rescaled)
    folder = names.series_folder(1)
    return f"{_SERIES.format(folder=folder, rescaled=rescaled)}\n{_MONAI_SERIES.format(folder=folder)}"


def loading(form: ReleaseForm, formats: Sequence[str], *, volumes: bool, labels: bool = False) -> Iterator[str]:
    """Yields the programs that open the first image in each format.

    Args:
        form: What the images were written as.
        formats: The formats that were written.
        volumes: Whether they are volumes.
        labels: Whether they have label maps.
    """
    # Not of DICOM: a series' axes are turned against the map's.
    of = next((name for name in ("nifti", "bids") if name in formats), None)
    if labels and of is not None:
        yield _PAIRS.format(of=of)
    for name in formats:
        if name == "dicom":
            yield _dicom(form, volumes)
        elif name in ("nifti", "bids"):
            file = names.image_file("nifti", 1) if name == "nifti" else image_files(1, form)[0]
            yield _NIFTI.format(file=file)
        elif name == "png":
            yield _PNG.format(file=names.image_file("png", 1))
        else:
            yield _NPZ
