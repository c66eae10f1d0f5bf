"""Where a fit finds its public pool: not among private scans, there when it begins, and missed only when it is used."""

from __future__ import annotations

import numpy as np
import pytest

from medsyngen.errors import UsageError
from medsyngen.pipeline import export_cohort, fit, run_recipe
from medsyngen.pipeline.reports import write_report
from medsyngen.recipe import load_recipe
from medsyngen.synthesis.evolution import Evolution


def recipe(folder, draw="kept"):
    pool = f"synthesis.source={{kind: image-pool, folder: {folder}, attested_by: us}}"
    small = ("scans.size=16", "synthesis.iterations=2", "synthesis.degrees=[0.5, 0.3]", "synthesis.members=12")
    return load_recipe("private-evolution-32", (*small, pool, f"synthesis.draw={draw}"), patients_at_most=20)


@pytest.fixture
def pool(tmp_path):
    """Thirty images of noise."""
    (tmp_path / "pool").mkdir()
    np.savez(tmp_path / "pool" / "public.npz", images=np.random.default_rng(0).uniform(-1, 1, (30, 16, 16)))
    return tmp_path / "pool"


@pytest.mark.parametrize("where", ["scans", "run/public"])
def test_a_pool_in_scans_or_run_is_refused_first(where, scans, tmp_path, monkeypatch):
    monkeypatch.setattr(fit, "read_cohort", None)  # called, it would end otherwise
    (tmp_path / "run" / "public").mkdir(parents=True)
    folder = {"scans": scans.parent, "run/public": tmp_path / "run" / "public"}[where]
    with pytest.raises(UsageError, match="nothing was charged"):
        run_recipe(recipe(folder), scans=scans, run=tmp_path / "run", own_ledger="a test")
    assert [path.name for path in (tmp_path / "run").rglob("*")] == ["public"]


def test_a_pool_that_is_not_there_is_refused_before_a_run_begins(scans, tmp_path, monkeypatch):
    monkeypatch.setattr(fit, "read_cohort", None)
    with pytest.raises(UsageError, match="nothing was charged") as error:
        run_recipe(recipe(tmp_path / "unmounted"), scans=scans, run=tmp_path / "run", own_ledger="a test")
    assert error.value.details == ("`folder` of the source of kind 'image-pool' is not there",)
    assert not (tmp_path / "run").exists()


@pytest.mark.parametrize("draw", ["kept", "varied"])
def test_a_paid_run_is_reported_and_drawn_from_without_its_pool(draw, scans, pool, tmp_path):
    run = tmp_path / "run"
    run_recipe(recipe(pool, draw), scans=scans, run=run, own_ledger="a test")
    pool.rename(tmp_path / "unmounted")
    write_report(run)
    assert run_recipe(recipe(pool, draw), scans=scans, run=run, own_ledger="a test").already_finished
    if draw == "kept":
        assert export_cohort(run, out=tmp_path / "cohort", count=4, formats=("png",), device="cpu").count == 4
    else:
        with pytest.raises(UsageError, match="not there"):
            export_cohort(run, out=tmp_path / "cohort", count=4, formats=("png",), device="cpu")


def test_an_interrupted_run_waits_for_its_pool_and_is_charged_once(scans, pool, tmp_path, monkeypatch):
    run, rounds = tmp_path / "run", iter(range(9))
    usual = Evolution.ballots

    def dies(self, candidates):
        if next(rounds) == 1:
            raise KeyboardInterrupt
        return usual(self, candidates)

    with monkeypatch.context() as patch:
        patch.setattr(Evolution, "ballots", dies)
        with pytest.raises(KeyboardInterrupt):
            run_recipe(recipe(pool), scans=scans, run=run, own_ledger="a test")
    before = (run / "ledger.jsonl").read_bytes()
    pool.rename(tmp_path / "unmounted")
    with pytest.raises(UsageError, match="not there"):
        run_recipe(recipe(pool), scans=scans, run=run, own_ledger="a test")
    assert (run / "ledger.jsonl").read_bytes() == before
    (tmp_path / "unmounted").rename(pool)
    assert not run_recipe(recipe(pool), scans=scans, run=run, own_ledger="a test").already_finished
