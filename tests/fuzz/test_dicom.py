"""Mutated files are read or refused; no exception of ours or of pydicom gets out, and no reader dies of them."""

import numpy as np
from fuzzing import mutated, outcomes, seeds

from medsyngen.formats.refusal import REASONS


def test_mutations_of_real_headers_are_read_or_refused(tmp_path):
    said = outcomes(200, 20_261_122, tmp_path)
    assert sum(said.values()) == 200
    assert set(said) <= {"read", *REASONS} - {"reader-died"}, said
    assert 10 < said["read"] < 190  # neither harmless nor hopeless: both ways are tried
    assert len(said) > 4


def test_a_mutation_can_be_made_again():
    data = seeds()[0].read_bytes()
    assert mutated(data, np.random.default_rng(3)) == mutated(data, np.random.default_rng(3)) != data
