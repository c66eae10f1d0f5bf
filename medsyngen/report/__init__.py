"""The privacy report: what is promised to whom, what it cost, and what stands outside of it."""

from medsyngen.report.build import build_report, check_report, report_json_bytes
from medsyngen.report.compare_page import compare_html
from medsyngen.report.facts import MechanismFacts, ReportFacts, StageFacts
from medsyngen.report.render import render_html
from medsyngen.report.vocabulary import report_vocabulary

__all__ = [
    "MechanismFacts",
    "ReportFacts",
    "StageFacts",
    "build_report",
    "check_report",
    "compare_html",
    "render_html",
    "report_json_bytes",
    "report_vocabulary",
]
