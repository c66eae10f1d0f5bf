import numpy as np
import pytest
import torch
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from monai.transforms import Compose
from PIL import Image

from medsyngen.cohort.monai_transforms import linear_weights
from medsyngen.cohort.transforms import ScanForm, preprocessing
from medsyngen.errors import UsageError
from medsyngen.formats.refusal import ScanRefused


@pytest.fixture(scope="module")
def pipelines():
    """One pipeline for each window and size, made once: MONAI builds all of its readers every time."""
    made = {}

    def pipeline(window, size):
        if (window, size) not in made:
            made[window, size] = preprocessing(ScanForm(size=size, window=window))
        return made[window, size]

    return pipeline


def plain(values, window, size, limits):
    """The same in NumPy and Pillow, whose linear filter also widens with the scale."""
    if window == "per-scan":
        limits = np.percentile(values, [1, 99])
    elif window != "bit-depth":
        limits = window
    scaled = np.clip(2 * (values - limits[0]) / (limits[1] - limits[0]) - 1, -1, 1).astype(np.float32)
    rows, columns = values.shape
    scale = size / max(rows, columns)
    shape = (max(1, round(rows * scale)), max(1, round(columns * scale)))
    resized = np.asarray(Image.fromarray(scaled).resize(shape[::-1], Image.Resampling.BILINEAR))
    out = np.full((size, size), -1.0, np.float32)
    top, left = (size - shape[0]) // 2, (size - shape[1]) // 2
    out[top : top + shape[0], left : left + shape[1]] = resized
    return out[None]


@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    shape=st.tuples(st.integers(2, 40), st.integers(2, 40)),
    window=st.sampled_from(["bit-depth", "per-scan", (100.0, 3000.0)]),
    size=st.sampled_from([8, 16, 33]),
    seed=st.integers(0, 2**32 - 1),
    inverted=st.booleans(),
)
def test_monai_s_compose_equals_a_plain_computation(
    tmp_path, make_dicom, pipelines, shape, window, size, seed, inverted
):
    stored = np.random.default_rng(seed).integers(0, 4096, shape, dtype=np.uint16)
    path = make_dicom(tmp_path / "a", stored, PhotometricInterpretation="MONOCHROME1" if inverted else "MONOCHROME2")
    pipeline = pipelines(window, size)
    assert type(pipeline) is Compose
    image = pipeline({"image": str(path)})["image"]
    assert type(image) is torch.Tensor  # a MetaTensor would carry the path
    assert image.dtype == torch.float32
    assert image.shape == (1, size, size)
    assert image.min() >= -1
    assert image.max() <= 1
    values = (4095.0 - stored) if inverted else stored.astype(np.float64)
    np.testing.assert_allclose(image.numpy(), plain(values, window, size, (0.0, 4095.0)), atol=2e-6)


@pytest.mark.parametrize(("size", "fitted"), [(2, 1), (7, 3), (3, 7), (5, 5)])
def test_interpolation_keeps_constants_and_centres(size, fitted):
    weights = linear_weights(size, fitted).numpy()
    np.testing.assert_allclose(weights.sum(axis=1), 1.0)
    assert (weights >= 0).all()
    np.testing.assert_allclose(weights, weights[::-1, ::-1], atol=1e-12)
    assert size != fitted or (weights == np.eye(size)).all()


def test_an_image_of_the_right_size_stays_as_it_is(tmp_path, pipelines):
    images = np.arange(2 * 8 * 8, dtype=np.uint8).reshape(2, 8, 8)
    np.savez(tmp_path / "a.npz", images=images)
    image = pipelines("bit-depth", 8)({"image": f"{tmp_path}/a.npz#1"})["image"]
    np.testing.assert_allclose(image.numpy(), images[1:] / 127.5 - 1, atol=1e-6)


@pytest.mark.parametrize(
    ("pixels", "window", "expected"),
    [
        (np.full((1, 4, 4), 0.5, np.float32), "bit-depth", "no-bit-depth"),
        (np.full((1, 4, 4), 7, np.uint8), "per-scan", "flat"),
        (np.full((1, 4, 4), np.inf, np.float32), (0.0, 1.0), "non-finite"),
    ],
)
def test_what_no_window_fits_is_refused(tmp_path, pipelines, pixels, window, expected):
    np.savez(tmp_path / "a.npz", images=pixels)
    with pytest.raises(RuntimeError) as raised:
        pipelines(window, 8)({"image": f"{tmp_path}/a.npz#0"})
    error = raised.value
    while not isinstance(error, ScanRefused):
        error = error.__cause__
    assert error.reason == expected


@pytest.mark.parametrize(
    "wrong",
    [
        {"modalities": ()},
        {"modalities": ("chest",)},
        {"size": 4},
        {"size": 4096},
        {"window": "auto"},
        {"window": (1.0, 1.0)},
        {"window": (0.0, float("inf"))},
        {"window": (0.0, 1.0, 2.0)},
        {"max_skipped_share": 1.0},
        {"max_skipped_share": -0.1},
    ],
)
def test_a_form_must_make_sense(wrong):
    with pytest.raises(UsageError):
        ScanForm(**wrong)
