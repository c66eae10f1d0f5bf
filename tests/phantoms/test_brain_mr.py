"""The brain slice: tissues as bright as the sequence makes them, and in their places."""

from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from medsyngen.phantoms.anatomies.brain_contrast import SEQUENCES, TISSUES, signals
from medsyngen.phantoms.catalogue import phantom
from medsyngen.phantoms.source import draw_phantoms

BRAIN = phantom("brain_mr")
SIZE = 48
T1, T1_PREPARED, PD, T2, FLAIR = (kind + 0.5 for kind in range(5))
CLEAN = {"noise": 0.002, "bias": 0.02, "psf": 0.2, "matrix": 1.0, "lesion": -0.3, "skull_stripped": -0.8, "fat": 1.0}


def drawn(count, seed, **fixed):
    rng = np.random.default_rng(seed)
    parameters = BRAIN.space.draw(count, rng)
    for name, value in (CLEAN | fixed).items():
        parameters[name] = np.full(count, value)
    return parameters, BRAIN.render(parameters, SIZE, rng)[:, 0]


def grey_at(pixels, p, u, v):
    """The pixel at a place in head coordinates, by the inverse of the pose."""
    cos, sin = np.cos(p["rotation"]), np.sin(p["rotation"])
    x = (u * cos - v * sin) * p["zoom"] + p["shift_x"]
    y = (u * sin + v * cos) * p["zoom"] + p["shift_y"]
    i, j = (np.clip((c + 1) / 2 * SIZE, 0, SIZE - 1).astype(int) for c in (y, x))
    return pixels[np.arange(len(pixels)), i, j]


def tissue_signals(kind, count=200, seed=0):
    parameters = BRAIN.space.draw(count, np.random.default_rng(seed))
    parameters["sequence"] = np.full(count, kind)
    return signals(BRAIN.space.columns(parameters)), parameters


@pytest.mark.parametrize(
    ("kind", "order"),
    [
        (T1, ("csf", "grey", "white")),
        (T1_PREPARED, ("csf", "grey", "white")),
        (PD, ("white", "grey")),
        (T2, ("white", "grey", "lesion", "csf")),
        (FLAIR, ("csf", "white", "grey", "lesion")),
    ],
)
def test_tissues_have_the_order_of_brightness_that_each_sequence_is_known_by(kind, order):
    tissue, _ = tissue_signals(kind)
    for dark, bright in pairwise(order):
        assert (tissue[dark] < tissue[bright]).all(), (dark, bright)


@given(recovery=st.floats(0, 1), echo=st.floats(0, 1))
def test_without_inversion_the_signal_is_the_spin_echos(recovery, echo):
    parameters = BRAIN.space.draw(1, np.random.default_rng(0))
    fixed = {"sequence": T1, "recovery": recovery, "echo": echo, "field_strength": 1.5, "fat": 1.0}
    parameters |= {name: np.array([value]) for name, value in fixed.items()}
    tissue = signals(BRAIN.space.columns(parameters))
    (tr0, tr1), (te0, te1), _ = SEQUENCES["T1 spin echo"]
    tr, te = tr0 + recovery * (tr1 - tr0), te0 + echo * (te1 - te0)

    def spin_echo(name):
        t1, t2, density = TISSUES[name]
        return density * (1 - np.exp(-tr / t1)) * np.exp(-te / t2)

    for name in ("csf", "grey", "fat", "muscle"):
        assert float((tissue[name] / tissue["white"]).item()) == pytest.approx(
            spin_echo(name) / spin_echo("white"), rel=1e-3
        )


def test_the_brain_is_as_bright_as_asked_unless_something_else_would_leave_the_scale():
    tissue, parameters = tissue_signals(PD)
    mean = 0.5 * (tissue["grey"] + tissue["white"]).ravel()
    np.testing.assert_allclose(mean, parameters["brightness"], rtol=1e-4)
    tissue, parameters = tissue_signals(T2)
    assert (tissue["csf"].ravel() <= 2 * parameters["brightness"] + 1e-5).all()


@pytest.mark.parametrize(("kind", "sign"), [(T1, -1), (T1_PREPARED, -1), (T2, 1), (FLAIR, -1)])
def test_ventricles_look_as_fluid_does(kind, sign):
    p, pixels = drawn(100, 1, sequence=kind, level=0.6, ventricles=1.7, brightness=0.5)
    scale = p["cephalic_index"] / 0.8
    wall = grey_at(pixels, p, 0.26 * scale, np.full(100, 0.03))
    for side in (-1, 1):
        fluid = grey_at(pixels, p, side * 0.1 * np.sqrt(1.7) * scale, np.full(100, 0.03))
        assert (sign * (fluid - wall) > 0).mean() > 0.95


def test_ventricles_come_and_go_with_the_level():
    darkest = []
    for level in (0.6, 0.9):
        p, pixels = drawn(60, 2, sequence=T1_PREPARED, level=level, ventricles=1.7, brightness=0.6)
        u = 0.1 * np.sqrt(1.7) * p["cephalic_index"] / 0.8
        darkest.append(grey_at(pixels, p, u, np.full(60, 0.03)).mean())
    assert darkest[0] < darkest[1] - 0.3


@pytest.mark.parametrize("side", [-1, 1])
def test_eyes_lie_in_front_of_the_lowest_slices_only(side):
    bright = []
    for level in (0.02, 0.5):
        p, pixels = drawn(60, 3, sequence=T2, level=level, brightness=0.5)
        bright.append(grey_at(pixels, p, side * p["eye_x"] * p["cephalic_index"] / 0.8, p["eye"] - 0.86))
    assert (bright[0] > 0).mean() > 0.9  # vitreous: as bright as fluid
    assert bright[1].mean() < bright[0].mean() - 0.4


def test_the_skull_is_a_dark_ring_between_scalp_and_brain():
    p, pixels = drawn(100, 4, sequence=PD, level=0.45, skull=0.07, scalp=0.09, marrow=0.0, csf_layer=0.005)
    middle = np.zeros(100)
    scalp, skull = (grey_at(pixels, p, middle, 1 - d * np.sqrt(1 / p["cephalic_index"])) for d in (0.05, 0.125))
    brain = grey_at(pixels, p, 0.3 * p["cephalic_index"], middle + 0.55)
    assert (skull < scalp).mean() > 0.97
    assert (skull < brain).mean() > 0.97


def test_a_stripped_head_keeps_its_brain_and_nothing_else():
    fixed = {"sequence": T1, "level": 0.5, "brightness": 0.6}
    p, whole = drawn(40, 5, **fixed)
    _, bare = drawn(40, 5, **fixed | {"skull_stripped": 0.15})
    middle = np.zeros(40)
    edge = 1 - 0.5 * p["scalp"]
    assert (grey_at(whole, p, middle, edge) > -0.8).mean() > 0.9
    assert (grey_at(bare, p, middle, edge) == -1).all()
    np.testing.assert_allclose(
        grey_at(bare, p, 0.3 + middle, middle), grey_at(whole, p, 0.3 + middle, middle), atol=1e-5
    )


def test_the_head_narrows_towards_the_vertex():
    areas = [(drawn(60, 6, sequence=T1, level=level)[1] > -0.8).mean() for level in (0.4, 0.8, 1.0)]
    assert areas[0] > 1.3 * areas[1] > 1.3 * areas[2]


def test_air_around_the_head_is_dark_but_never_without_noise():
    _, pixels = drawn(60, 7, noise=0.02, level=0.5)
    corner = pixels[:, :3, :3]
    assert corner.mean() == pytest.approx(2 * 0.02 * np.sqrt(np.pi / 2) - 1, abs=0.01)  # Rayleigh, on a scale of 2
    assert (corner > -1).mean() > 0.99


def test_more_sulci_make_a_rougher_brain():
    fixed = {"sequence": T2, "level": 0.75, "sulcus_width": 0.025, "sulcus_depth": 0.28, "brightness": 0.5}
    rough = [np.abs(np.diff(drawn(40, 8, **fixed, sulci=n)[1][:, 12:36, 12:36], axis=2)).mean() for n in (16.0, 30.0)]
    assert rough[1] > 1.15 * rough[0]


def _features(pixels):
    from medsyngen.evaluation.features import lite0_features

    return lite0_features(np.asarray(pixels, np.float32))


@pytest.mark.realdata
@pytest.mark.slow
def test_it_is_nearer_to_real_heads_than_dead_leaves_are(real_data):
    from medsyngen.cohort.transforms import ScanForm, preprocessing
    from medsyngen.evaluation.fidelity import kernel_distance

    read = preprocessing(ScanForm(modalities=("MR",), size=64, window="per-scan"))
    files = sorted((real_data / "dicom_mr_pgbm_dev" / "Study3").rglob("*.dcm"))
    real = _features([np.asarray(read({"image": str(file)})["image"]) for file in files])
    near, far = (
        kernel_distance(_features(draw_phantoms(source, 120, 64, np.random.default_rng(0))), real)
        for source in (BRAIN, phantom("dead_leaves"))
    )
    assert near < 0.75 * far


@pytest.mark.realdata
@pytest.mark.slow
def test_stripped_it_is_nearer_to_the_mni_brain_than_dead_leaves_are(real_data):
    import nibabel
    from skimage.transform import resize

    from medsyngen.evaluation.fidelity import kernel_distance

    file = real_data / "nifti_misc_dev" / "mni_icbm152_t1_tal_nlin_sym_09a_converted.nii.gz"
    volume = np.asarray(nibabel.load(file).dataobj, np.float32)[:, :, 30:150:2]
    slices = np.pad(volume.transpose(2, 1, 0)[:, ::-1], ((0, 0), (0, 0), (18, 18))) / volume.max() * 2 - 1
    real = _features(np.stack([resize(one, (64, 64), anti_aliasing=True)[None] for one in slices]))
    parameters = BRAIN.space.draw(120, np.random.default_rng(0))
    parameters |= {"sequence": np.full(120, T1_PREPARED), "skull_stripped": np.full(120, 0.15)}
    mine = _features(BRAIN.render(parameters, 64, np.random.default_rng(1)))
    leaves = _features(draw_phantoms(phantom("dead_leaves"), 120, 64, np.random.default_rng(0)))
    assert kernel_distance(mine, real) < 0.9 * kernel_distance(leaves, real)
