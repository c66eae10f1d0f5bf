"""K: what the images are good for: measured inside or bought, or not known here."""

from __future__ import annotations

from medsyngen.report.fields.entry import NO_SCAN, Facts, Section, missing, reads_scans, value

_TITLES = {
    "fidelity": "Likeness (KID, FD, precision, recall, MS-SSIM)",
    "usefulness": "Usefulness (trained on synthetic, tested on real)",
    "subgroups": "The same by class and subgroup",
    "collapse": "Whether rare groups are lost",
    "measured": "How such figures are got",
}


def utility(facts: Facts) -> Section:
    """Returns the fields of K."""
    names = ("fidelity", "usefulness", "subgroups", "collapse")
    if not reads_scans(facts):
        made = {name: missing(_TITLES[name], "run", NO_SCAN + " to compare with") for name in names}
        return made | {"measured": missing(_TITLES["measured"], "run", NO_SCAN)}
    inside = (
        "because it is measured against private scans without a charge (`medsyngen evaluate`): a figure in a release "
        "would be a release of its own"
    )
    lost = (
        "because whether it happened here would have to be measured on private scans; that it does happen is known: "
        "noise hides small groups first, and the images may show fewer of them, or worse"
    )
    return {
        **{name: missing(_TITLES[name], "run", inside) for name in names[:3]},
        "collapse": missing(_TITLES["collapse"], "run", lost),
        "measured": value(
            _TITLES["measured"],
            "software",
            "Inside, as uncharged looks that the ledger counts; or bought (`medsyngen evaluate --charge`), as noised "
            "means over patients, which the ledger charges as a run of their own.",
        ),
    }
