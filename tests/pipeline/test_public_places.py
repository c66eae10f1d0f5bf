"""A fit whose public pool is its private scans ends before anything is read, made or charged."""

from __future__ import annotations

import pytest

from medsyngen.errors import UsageError
from medsyngen.pipeline import fit, run_recipe
from medsyngen.recipe import load_recipe


def recipe(folder):
    pool = f"synthesis.source={{kind: image-pool, folder: {folder}, attested_by: us}}"
    return load_recipe("private-evolution-32", ("scans.size=16", pool), patients_at_most=20)


@pytest.mark.parametrize("where", ["scans", "run/public"])
def test_a_pool_in_scans_or_run_is_refused_first(where, scans, tmp_path, monkeypatch):
    monkeypatch.setattr(fit, "read_cohort", None)  # called, it would end otherwise
    (tmp_path / "run" / "public").mkdir(parents=True)
    folder = {"scans": scans.parent, "run/public": tmp_path / "run" / "public"}[where]
    with pytest.raises(UsageError, match="nothing was charged"):
        run_recipe(recipe(folder), scans=scans, run=tmp_path / "run", own_ledger="a test")
    assert [path.name for path in (tmp_path / "run").rglob("*")] == ["public"]
