"""Redraws the gallery of phantoms: `make gallery`.

Writes docs/images/phantoms/NAME.png for every phantom of the catalogue, by the command that the page shows, and puts
versions and numbers of parameters into docs/reference/phantoms.md. What each is made of is for people to write.
"""

import re
import sys
from pathlib import Path

from medsyngen.cli.phantoms import draw
from medsyngen.phantoms.catalogue import PHANTOMS
from medsyngen.phantoms.source import PhantomSource

ROOT = Path(__file__).resolve().parents[2]
PAGE = ROOT / "docs" / "reference" / "phantoms.md"
PICTURES = ROOT / "docs" / "images" / "phantoms"
SIZE, COUNT = 64, 16


def drawn(name: str, sheet: Path) -> Path:
    """Draws one sheet by the command itself, with its own default seed, and returns its path."""
    draw(sheet, [name], everything=False, count=COUNT, size=SIZE, seed=0)
    return sheet


def command(name: str) -> str:
    """What the page tells people to type for the same picture."""
    return f"medsyngen phantoms draw {name} --sheet {name}.png --size {SIZE} --count {COUNT}"


def facts(source: PhantomSource) -> str:
    """The line of the page that follows from the catalogue."""
    return f"*Version {source.version}, {len(source.space.parameters)} parameters.*"


def renewed(page: str) -> str:
    """The page with today's facts under every heading that is a phantom's name."""
    for name, source in PHANTOMS.items():
        heading, line = rf"(?m)(^## {name}\n\n)\*Version .*\*$", facts(source)
        page = re.sub(heading, lambda found, line=line: found[1] + line, page)
    return page


def main() -> None:
    PICTURES.mkdir(parents=True, exist_ok=True)
    for name in PHANTOMS:
        drawn(name, PICTURES / f"{name}.png")
    for path in PICTURES.glob("*.png"):
        if path.stem not in PHANTOMS:
            path.unlink()
    PAGE.write_text(renewed(PAGE.read_text("utf-8")), "utf-8")
    sys.stdout.write(f"{sum(path.stat().st_size for path in PICTURES.glob('*.png')) / 1e6:.2f} MB\n")


if __name__ == "__main__":
    main()
