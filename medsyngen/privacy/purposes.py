"""What the ledger calls the charges of each part of a run; the blocks of one purpose count that part's steps."""

TRAINING = "private training of the context expert"
"""DP-SGD."""

VOTES = "votes of patients on synthetic images (Private Evolution)"
"""A round of Private Evolution."""

PROPORTIONS = "noised sum over patients (class proportions)"
"""Class proportions, where they are bought."""

SUM = "noised sum over patients"
"""The one sum of a portrait or of central images."""

EVALUATION = "noised sum over patients (charged evaluation)"
"""Figures of a finished run, bought."""
