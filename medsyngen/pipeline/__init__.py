"""The data flow, top to bottom: scans and a recipe to a run folder, a run folder to a cohort."""

from medsyngen.pipeline.bundle import BundleOutcome, export_bundle
from medsyngen.pipeline.compare import write_comparison
from medsyngen.pipeline.export import ExportOutcome, export_cohort, help_export
from medsyngen.pipeline.fit import help_fit, run_recipe
from medsyngen.pipeline.fit_outcome import FitOutcome
from medsyngen.pipeline.reports import write_report

__all__ = [
    "BundleOutcome",
    "ExportOutcome",
    "FitOutcome",
    "export_bundle",
    "export_cohort",
    "help_export",
    "help_fit",
    "run_recipe",
    "write_comparison",
    "write_report",
]
