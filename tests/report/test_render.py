"""The page: escaped, self-contained, tied to its JSON, readable."""

from __future__ import annotations

import hashlib
import json
import re
from dataclasses import replace
from html.parser import HTMLParser
from importlib.resources import files
from types import SimpleNamespace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from medsyngen.errors import VerificationFailed
from medsyngen.report import ReportFacts, StageFacts, build_report, render_html, report_json_bytes
from medsyngen.report.bands_plot import bands_svg, sigma_text

HOSTILE = (
    """"'><script>alert(1)</script><img src=x onerror=alert(2)></style></pre><a href="http://evil.invalid/">{{7*7}}&"""
)


class Tags(HTMLParser):
    def __init__(self, page: bytes) -> None:
        super().__init__()
        self.found: list[tuple[str, dict[str, str | None]]] = []
        self.text: list[str] = []
        self.feed(page.decode())

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.found.append((tag, dict(attrs)))

    def handle_data(self, data: str) -> None:
        self.text.append(data)


FLAGS: dict[str, Any] = {"not_private": {"not_private": True}, "seeded": {"seeded": True}}


def page_of(facts: ReportFacts) -> bytes:
    report = build_report(facts)
    return render_html(report, hashlib.sha256(report_json_bytes(report)).hexdigest())


def hostile(facts: ReportFacts, ledger: SimpleNamespace) -> ReportFacts:
    lines = ledger.chain(
        ledger.opening(HOSTILE), ledger.charge(120, purpose=HOSTILE), {"kind": "note", "text": HOSTILE}
    )
    parameters = [{"name": HOSTILE, "low": 0, "high": 1, "unit": HOSTILE, "source": HOSTILE}]
    return replace(
        facts,
        recipe={"name": HOSTILE, "description": HOSTILE, "classes": [{"name": HOSTILE}], HOSTILE: [HOSTILE]},
        ledger_lines=lines,
        ledger_head=lines[-1]["hash"],
        epsilon_after=(),
        own_ledger_reason=HOSTILE,
        accountant=HOSTILE,
        stages=tuple(replace(stage, name=HOSTILE, learns=HOSTILE) for stage in facts.stages),
        phantoms=({"name": HOSTILE, "share": 1, "version": HOSTILE, "parameters": parameters},),
        versions={HOSTILE: HOSTILE},
        release={"count": 1, "formats": [HOSTILE], "classes": {HOSTILE: 1}},
    )


def test_hostile_text_adds_no_tag_and_no_attribute(facts: ReportFacts, ledger: SimpleNamespace) -> None:
    tags = Tags(page_of(hostile(facts, ledger)))
    names = {tag for tag, _ in tags.found}
    assert not names & {"script", "iframe", "object", "embed", "link", "form", "base"}
    assert [tag for tag, _ in tags.found].count("img") == 1
    for tag, attributes in tags.found:
        assert not any(name.startswith("on") for name in attributes), tag
    text = "".join(tags.text)
    assert text.count("<script>alert(1)</script>") >= 12  # shown as text, everywhere it was put
    assert "{{7*7}}" in text


@pytest.mark.parametrize("bend", [lambda f, _: f, hostile, lambda f, _: replace(f, not_private=True, preview_png=None)])
def test_nothing_is_loaded_from_outside(facts: ReportFacts, ledger: SimpleNamespace, bend: Any) -> None:
    page = page_of(bend(facts, ledger))
    for tag, attributes in Tags(page).found:
        for name in ("src", "srcset", "data", "action", "poster", "background"):
            assert (attributes.get(name) or "data:").startswith("data:"), tag
        assert (attributes.get("href") or "#").startswith("#"), tag
        assert "url(" not in (attributes.get("style") or "")
    style = page.decode().split("<style>")[1].split("</style>")[0]
    assert set(re.findall(r"url\(([^)]*)", style)) == {"#hatch"}
    assert "@import" not in style


def test_the_policy_stands_before_anything_that_could_load(facts: ReportFacts) -> None:
    tags = Tags(page_of(facts)).found
    policy = [a["content"] for t, a in tags if t == "meta" and a.get("http-equiv") == "Content-Security-Policy"]
    assert policy == ["default-src 'none'; style-src 'unsafe-inline'; img-src data:"]
    assert [tag for tag, _ in tags][:4] == ["html", "head", "meta", "meta"]


def test_the_page_names_the_hash_of_its_json_and_refuses_another(facts: ReportFacts) -> None:
    report = build_report(facts)
    digest = hashlib.sha256(report_json_bytes(report)).hexdigest()
    assert digest in render_html(report, digest).decode()
    with pytest.raises(VerificationFailed):
        render_html(report, "0" * 64)


def test_the_page_follows_from_the_json_file_alone(facts: ReportFacts) -> None:
    data = report_json_bytes(build_report(facts))
    assert render_html(json.loads(data), hashlib.sha256(data).hexdigest()) == page_of(facts)


def test_a_doctored_report_is_not_rendered(facts: ReportFacts) -> None:
    report = build_report(facts)
    report["guarantee"]["epsilon"] = 0.1
    with pytest.raises(VerificationFailed):
        render_html(report, hashlib.sha256(report_json_bytes(report)).hexdigest())


def test_epsilon_never_stands_alone_at_the_top(facts: ReportFacts) -> None:
    top = page_of(facts).decode().split('<div class="pair">')[1].split("</section>")[0]
    for word in ("8.00", "10<sup>−6</sup>", "per patient", "one patient's record added or removed"):
        assert word in top


@pytest.mark.parametrize(("flag", "mark"), [("not_private", "NOT PRIVATE"), ("seeded", "SEEDED — NOT FOR RELEASE")])
def test_the_mark_is_the_first_thing_on_the_page(facts: ReportFacts, flag: str, mark: str) -> None:
    page = page_of(replace(facts, **FLAGS[flag])).decode()
    body = page.split("<body>")[1]
    assert f"<title>{mark}" in page
    assert body.index(mark) < body.index("<h1>")
    assert "8.00" not in body.split('id="ledger"')[0]  # the budget stands in the ledger; it is not claimed
    assert "<span>Release</span>" not in body


def test_the_preview_says_synthetic(facts: ReportFacts) -> None:
    assert '<span class="badge">SYNTHETIC</span>' in page_of(facts).decode()
    assert "data:image" not in page_of(replace(facts, preview_png=None)).decode()


def test_the_run_and_the_cohort_name_their_own_file(facts: ReportFacts) -> None:
    assert "sha256sum privacy_report.json" in page_of(facts).decode()
    assert "sha256sum report.json" in page_of(replace(facts, release=None)).decode()


@given(st.lists(st.tuples(st.floats(0, 10), st.floats(11, 1e4) | st.none()), max_size=4))
def test_bars_stay_inside_the_plot(edges: list[tuple[float, float | None]]) -> None:
    stages = [{"name": "s", "data": "phantoms", "sigma_low": low, "sigma_high": high} for low, high in edges]
    drawn = re.findall(r'class="public bar" x="([\d.e-]+)%" width="([\d.e-]+)%"', str(bands_svg(stages)))
    assert len(drawn) == len(edges)
    for left, width in ((float(x), float(w)) for x, w in drawn):
        assert left >= 0
        assert width > 0
        assert left + width <= 100.02


def test_private_bars_are_told_from_phantoms(facts: ReportFacts) -> None:
    stages = build_report(facts)["stages"]
    svg = str(bands_svg(stages))
    assert svg.count('class="private bar"') == 1
    assert svg.count('class="public bar"') == 2
    assert sigma_text({"sigma_low": 0.0, "sigma_high": None}) == "all σ"
    assert str(bands_svg([vars(StageFacts("<b>", "phantoms", 0.1, 1.0, ""))])).count("<b>") == 0


def _luminance(colour: str) -> float:
    parts = [int(colour[i : i + 2], 16) / 255 for i in (1, 3, 5)]
    linear = [c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in parts]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]


def ratio(one: float, two: float) -> float:
    """WCAG 2 contrast ratio of two luminances."""
    return (max(one, two) + 0.05) / (min(one, two) + 0.05)


@pytest.mark.parametrize("scheme", [0, 1])
def test_contrast_meets_wcag_aa(scheme: int) -> None:
    css = files("medsyngen.report").joinpath("report.css").read_text(encoding="utf-8")
    roots = re.findall(r":root \{(.*?)\}", css, re.DOTALL)
    colours: dict[str, str] = {}
    for root in roots[: scheme + 1]:
        colours |= dict(re.findall(r"--([\w-]+): (#[0-9a-f]{6})", root))
    light = {name: _luminance(colour) for name, colour in colours.items()}
    for text in ("ink", "muted", "accent"):
        for ground in ("paper", "raised"):
            assert ratio(light[text], light[ground]) >= 4.5, (text, ground)
    assert ratio(light["ink"], light["mark"]) >= 4.5  # text over the watermark
    assert ratio(light["muted"], light["mark"]) >= 4.5
    assert ratio(light["alert-ink"], light["alert"]) >= 4.5
    for graphic in ("public", "private"):
        assert ratio(light[graphic], light["paper"]) >= 3, graphic
        assert ratio(light[graphic], light["track"]) >= 3, graphic
