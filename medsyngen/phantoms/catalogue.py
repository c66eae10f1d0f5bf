"""The phantoms by name."""

from __future__ import annotations

import difflib

from medsyngen.errors import UsageError
from medsyngen.phantoms.anatomies.brain_mr import BrainMR
from medsyngen.phantoms.anatomies.chest_radiograph import ChestRadiograph
from medsyngen.phantoms.anatomies.thorax_ct import ThoraxCT
from medsyngen.phantoms.anatomies.volumes.head_mr import HeadMR
from medsyngen.phantoms.anatomies.volumes.hippocampus_mr import HippocampusMR
from medsyngen.phantoms.source import PhantomSource, VolumeSource
from medsyngen.phantoms.textures.clustered_lumpy import ClusteredLumpy
from medsyngen.phantoms.textures.dead_leaves import DeadLeaves
from medsyngen.phantoms.textures.power_law_texture import PowerLaw
from medsyngen.phantoms.textures.speckle import Speckle
from medsyngen.phantoms.textures.voronoi import Voronoi

PHANTOMS: dict[str, PhantomSource] = {
    source.name: source
    for source in (
        ChestRadiograph(),
        DeadLeaves(),
        PowerLaw(),
        ClusteredLumpy(),
        Voronoi(),
        Speckle(),
        BrainMR(),
        ThoraxCT(),
    )
}

VOLUME_PHANTOMS: dict[str, VolumeSource] = {source.name: source for source in (HippocampusMR(), HeadMR())}
"""Those that draw volumes."""


def any_phantom(name: str) -> PhantomSource | VolumeSource:
    """Returns the phantom of this name, of pictures or of volumes.

    Raises:
        UsageError: There is none; names the closest one.
    """
    return VOLUME_PHANTOMS[name] if name in VOLUME_PHANTOMS else phantom(name)


def phantom(name: str) -> PhantomSource:
    """Returns the phantom of pictures of this name.

    Raises:
        UsageError: There is none; names the closest one.
    """
    if name in PHANTOMS:
        return PHANTOMS[name]
    if name in VOLUME_PHANTOMS:
        raise UsageError(f"the phantom {name!r} draws volumes", do=f"choose from: {', '.join(PHANTOMS)}")
    close = difflib.get_close_matches(name, [*PHANTOMS, *VOLUME_PHANTOMS], 1)
    meant = f" (did you mean {close[0]!r}?)" if close else ""
    raise UsageError(f"no phantom named {name!r}{meant}", do=f"choose from: {', '.join(PHANTOMS)}")
