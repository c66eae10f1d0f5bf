"""Whose is what, against the plain sets that it stands for."""

from collections import defaultdict

from hypothesis import given
from hypothesis import strategies as st

from medsyngen.cohort.owners import Owners
from medsyngen.scan import PatientKey


@given(st.lists(st.tuples(st.binary(max_size=1), st.sampled_from("abc"))))
def test_it_says_what_sets_would_say(pairs):
    owners, plain = Owners(), defaultdict(set)
    for thing, name in pairs:
        patient = PatientKey(name)
        assert owners.add(thing, patient) == (patient not in plain[thing])
        plain[thing].add(patient)
    assert owners.shared == sum(len(patients) > 1 for patients in plain.values())
