"""One released cohort a session, copied for every test that damages it."""

import functools
import shutil
from types import SimpleNamespace

import pytest
from released import make_key, release_cohort

import medsyngen.verification.curves as curves
import medsyngen.verification.epsilon_check as epsilon_check
from medsyngen.verification.curves import profile_by_losses
from medsyngen.verification.loss_distribution import epsilon_by_losses


@pytest.fixture(scope="session")
def whole(tmp_path_factory):
    """A signed cohort with its list of signers; tests only read it."""
    folder = tmp_path_factory.mktemp("released")
    line = make_key(folder / "key", "dpo@hospital")
    other = make_key(folder / "other", "somebody@elsewhere")
    (folder / "signers").write_text(line)
    (folder / "others").write_text(other)
    cohort = release_cohort(folder, folder / "key")
    return SimpleNamespace(
        cohort=cohort, key=folder / "key", other=folder / "other", signers=folder / "signers", others=folder / "others"
    )


@pytest.fixture
def cohort(whole, tmp_path):
    """A copy that may be damaged."""
    return shutil.copytree(whole.cohort, tmp_path / "cohort", symlinks=True)


@functools.cache
def _remembered(counts, delta):
    return epsilon_by_losses(dict(counts), delta)


@functools.cache
def _profile(counts, deltas, epsilons):
    return profile_by_losses(dict(counts), deltas, epsilons)


@pytest.fixture(autouse=True)
def _the_same_events_once(monkeypatch):
    """Computes ε of the same events once a session: most tests change something else. The library has its own test."""
    monkeypatch.setattr(
        epsilon_check, "epsilon_by_losses", lambda counts, delta: _remembered(tuple(sorted(counts.items())), delta)
    )
    monkeypatch.setattr(
        curves,
        "profile_by_losses",
        lambda counts, *grid: _profile(tuple(sorted(counts.items())), *map(tuple, grid)),
    )
    monkeypatch.setattr(epsilon_check, "epsilon_by_dp_accounting", lambda counts, delta: None)
