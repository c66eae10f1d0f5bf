"""Portraits as a method: what is charged is what was planned, and phantoms come to resemble who was read."""

from __future__ import annotations

import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

from medsyngen.cohort.cohort import Cohort, PatientRecord
from medsyngen.errors import UsageError, VerificationFailed
from medsyngen.privacy.accountant import epsilon_spent
from medsyngen.privacy.budget import Budget
from medsyngen.privacy.events import Gaussian
from medsyngen.privacy.ledger import Ledger
from medsyngen.randomness import secure_generator
from medsyngen.scan import PatientKey
from medsyngen.synthesis import portrait
from medsyngen.synthesis.cells import Cells
from medsyngen.synthesis.picture_measures import layout, tone
from medsyngen.synthesis.portrait import Portrait
from medsyngen.synthesis.portrait_encoder import EncoderTraining, PortraitEncoder, encoder_measure, readable
from medsyngen.synthesis.portrait_reading import PublicBank, Reading, public_reading
from medsyngen.synthesis.portrait_vector import PortraitMeans, PortraitVector
from medsyngen.synthesis.retargeting import Retargeting, moved
from medsyngen.synthesis.sources.phantom_simulator import PhantomSimulator
from medsyngen.synthesis.synthesizer import Target
from medsyngen.synthesis.variation import Population

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "privacy"))
from ledgers import begin, new

CPU = torch.device("cpu")
SIZE = 16
SMALL = Portrait(
    measures=("tone", "layout"), entries=5, retargeting=Retargeting(bank=1000, rounds=3), members=400, seed=4
)
TARGET = Target(SIZE, ("bright", "dark"), (0.5, 0.5))
SOURCE = PhantomSimulator("chest_radiograph", SIZE)
LEVEL = SOURCE.source.space.names.index("level")


@pytest.fixture(scope="module")
def cohort() -> Cohort:
    """Phantoms: the class `bright` has low film levels, `dark` high ones."""
    rng = np.random.default_rng(0)
    places = rng.random((60, len(SOURCE.source.space.parameters)))
    classes = np.arange(60) % 2
    places[:, LEVEL] = 0.8 * classes + 0.2 * places[:, LEVEL]
    pixels = SOURCE.rendered(places, classes, rng).pixels
    return Cohort(
        {PatientKey(f"p{i}"): PatientRecord(pixels[i : i + 1], classes[i : i + 1].astype(np.int64)) for i in range(60)}
    )


def fitted(cohort: Cohort, folder: Path, sigma: float, n_max: int = 60):
    path = folder / "ledger.jsonl"
    with Ledger.open(path) if path.exists() else new(folder, Budget(500.0, 1e-5)) as ledger:
        account = begin(ledger, SMALL.plan(patients_at_most=n_max, noise_multiplier=sigma))
        return SMALL.fit(
            cohort,
            TARGET,
            patients_at_most=n_max,
            noise_multiplier=sigma,
            account=account,
            keys=secure_generator(),
            private_folder=folder,
            device=CPU,
        )


def test_phantoms_come_to_resemble_the_patients_class_by_class(cohort: Cohort, tmp_path: Path):
    generator = fitted(cohort, tmp_path, sigma=0.1)
    population = generator.population
    read = np.concatenate([record.pixels for record in cohort.values()])
    theirs = read[0::2].mean() - read[1::2].mean()
    ours = population.pixels[population.classes == 0].mean() - population.pixels[population.classes == 1].mean()
    assert 0.6 < ours / theirs < 1.4  # 0 if nothing was learned
    draws = generator.draw(6)
    assert draws.pixels.shape == (6, 1, SIZE, SIZE)
    assert draws.classes == ("bright", "dark") * 3
    again = SMALL.restore(generator.tensors(), TARGET, seeded=False, private=True, device=CPU)
    np.testing.assert_array_equal(again.draw(6).pixels, draws.pixels)


class Killed(BaseException):
    """As a kill: nothing of the product catches it."""


def test_a_run_that_goes_on_reads_its_sum_as_it_was_taken(cohort: Cohort, tmp_path: Path, monkeypatch):
    """Another library may find other directions, as if each had another sign: the sum is read in its own."""

    def killed(*a, **more):
        raise Killed

    with monkeypatch.context() as patch:
        patch.setattr(Retargeting, "__call__", killed)
        with pytest.raises(Killed):
            fitted(cohort, tmp_path, sigma=0.1)
    usual = portrait.public_reading

    def turned(*a):
        reading = usual(*a)
        return replace(reading, directions=-reading.directions)

    monkeypatch.setattr(portrait, "public_reading", turned)
    population = fitted(Cohort({}), tmp_path, sigma=0.1).population
    ours = population.pixels[population.classes == 0].mean() - population.pixels[population.classes == 1].mean()
    read = np.concatenate([record.pixels for record in cohort.values()])
    assert 0.6 < ours / (read[0::2].mean() - read[1::2].mean()) < 1.4  # below 0 if it were read the other way round


def test_a_reading_survives_as_tensors_and_fits_its_measures_alone():
    phantoms = SOURCE.random(60, 0, np.random.default_rng(0)).pixels
    measures = {"tone": tone, "layout": layout}
    read = replace(public_reading(measures, phantoms, 5), learned={"a": torch.ones(2)})
    again = Reading.of(measures, read.tensors, phantoms)
    np.testing.assert_array_equal(again(phantoms), read(phantoms))
    assert torch.equal(again.learned["a"], torch.ones(2))
    for kinds, tensors in (({"tone": tone}, read.tensors), (measures, {})):
        with pytest.raises(VerificationFailed, match="measures that are here now"):
            Reading.of(kinds, tensors, phantoms)


def test_nobody_gives_the_prior_back_up_to_noise(tmp_path: Path):
    population = fitted(Cohort({}), tmp_path, sigma=3.0).population
    assert population.places is not None
    assert abs(population.places[:, LEVEL].mean() - 0.5) < 0.2


def test_what_is_planned_is_one_gaussian_within_the_budget():
    budget = Budget(1.0, 1e-5)
    sigma = SMALL.calibrate(budget, 264)
    assert SMALL.plan(patients_at_most=264, noise_multiplier=sigma) == Gaussian(sigma)
    assert SMALL.describe_queries(TARGET)[0]["entries"] == 2 * (1 + 5)
    assert epsilon_spent([Gaussian(sigma)], 1e-5) <= 1.0 < epsilon_spent([Gaussian(0.99 * sigma)], 1e-5)


class Toy:
    """Four parameters, which are the picture's four pixels."""

    def rendered(self, places: np.ndarray, classes: np.ndarray, rng: np.random.Generator) -> Population:
        return Population((2 * places - 1).astype(np.float32).reshape(-1, 1, 2, 2), classes, places)


PIXELS = Reading((lambda pixels: pixels.reshape(len(pixels), -1).astype(np.float64),), np.zeros(4), np.eye(4))


def retargeted(means: list[list[float]], variance: float = 1e-4) -> Population:
    target = PortraitMeans(np.full(len(means), 1 / len(means)), np.array(means), np.full(len(means), variance))
    rng = np.random.default_rng(0)
    places = rng.random((3000, 4))
    bank = PublicBank(PIXELS, places, 2 * places - 1)
    return Retargeting(bank=1500)(Toy(), bank, target, [1000] * len(means), rng)  # type: ignore[arg-type]


def test_phantoms_have_the_means_asked_for_each_class_its_own():
    asked = [[0.6, 0.0, -0.2, 0.0], [-0.6, 0.0, -0.2, 0.3]]
    population = retargeted(asked)
    found = [PIXELS(population.pixels[population.classes == k]).mean(0) for k in (0, 1)]
    np.testing.assert_allclose(found, asked, atol=0.08)
    np.testing.assert_array_equal(population.pixels, retargeted(asked).pixels)


def test_of_means_that_noise_hides_little_is_believed():
    population = retargeted([[0.6, 0.0, 0.0, 0.0]], variance=3.0)
    assert abs(PIXELS(population.pixels).mean(0)[0]) < 0.3


def test_moves_stay_in_the_cube_and_keep_uniform_places_uniform():
    rng = np.random.default_rng(0)
    away = moved(rng.random((20_000, 2)), 0.5, rng)
    assert away.min() >= 0
    assert away.max() <= 1
    np.testing.assert_allclose(np.histogram(away[:, 0], 10, (0, 1))[0] / 20_000, 0.1, atol=0.012)


def test_no_shift_keeps_the_prior():
    population = retargeted([[0.0] * 4])
    assert population.places is not None
    np.testing.assert_allclose(population.places.mean(0), 0.5, atol=0.04)
    np.testing.assert_allclose(population.places.std(0), 12**-0.5, atol=0.03)


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ({"measures": ("colour",)}, "measures"),
        ({"measures": ()}, "measures"),
        ({"measures": ("tone", "tone")}, "measures"),
        ({"entries": 0}, "entries"),
        ({"measures": ("tone",), "entries": 40}, "at most 10"),
        ({"measures": ("tone", "layout"), "entries": 60}, "at most 59"),
        ({"clipping_norm": 0.0}, "clipping_norm"),
        ({"degree": 1.5}, "degree"),
    ],
)
def test_numbers_that_make_no_sense_are_refused(fields: dict, message: str):
    with pytest.raises(ValueError, match=message):
        Portrait(**fields)
    with pytest.raises(UsageError, match="pixels"):
        SMALL.check_size(8)


@pytest.mark.parametrize("share", [1.0, 1.5, float("nan"), 0.0])
def test_a_share_of_phantoms_that_can_not_be_is_refused(share: float):
    with pytest.raises(ValueError, match="least_effective"):
        Retargeting(least_effective=share)


def test_more_numbers_than_measures_read_are_refused_and_never_said_of_a_portrait():
    """What the report says of a patient's vector is its length."""
    for names in (("tone",), ("detail",), ("layout",), ("detail", "tone", "layout")):
        method = replace(SMALL, measures=names, entries=sum(portrait.NUMBERS[name] for name in names))
        read = replace(method, retargeting=Retargeting(bank=40)).public_bank(SIZE, device=CPU).read
        (query,) = method.describe_queries(TARGET)
        assert query["entries"] == PortraitVector(read, Cells(TARGET.conditioning), 1.0).length
        with pytest.raises(ValueError, match="entries must be at most"):
            replace(method, entries=method.entries + 1)
    with pytest.raises(UsageError, match=r"11 numbers can't be kept of a picture: tone read 10"):
        public_reading({"tone": tone}, np.zeros((3, 1, SIZE, SIZE), np.float32), 11)


def test_readable_parameters_are_those_known_better_than_by_chance():
    rng = np.random.default_rng(0)
    places = rng.random((500, 2))
    known = np.full((500, 2, 4), 0.25)
    known[np.arange(500), 0, (places[:, 0] * 4).astype(int)] = 1.0
    known /= known.sum(2, keepdims=True)
    assert readable(known, places).tolist() == [0]


@pytest.mark.slow
def test_an_encoder_learns_from_phantoms_to_tell_a_parameter(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("MEDSYNGEN_CACHE", str(tmp_path))
    encoder = PortraitEncoder("chest_radiograph", SIZE, EncoderTraining(bank=600, steps=60, batch_size=48, channels=8))
    weights = encoder.weights(device=CPU)
    assert all(torch.equal(weights[name], value) for name, value in encoder.weights(device=CPU).items())  # kept
    measure = encoder_measure(encoder, weights, CPU)
    pictures = SOURCE.random(20, 0, np.random.default_rng(2)).pixels
    numbers = measure(pictures)
    assert numbers.shape[1] > 0
    np.testing.assert_allclose(measure(pictures[:1]), numbers[:1], rtol=1e-4, atol=1e-5)
