"""The parameter space of the crop around a hippocampus: wide on purpose, from common anatomy and MR practice.

Lengths are in mm where the shortest side of the grid is 32 mm.
"""

from __future__ import annotations

from medsyngen.phantoms.parameters import Parameter, ParameterSpace

_ANATOMY = "common anatomy of the medial temporal lobe, wide prior"
_LENGTH = "hippocampus 40 to 50 mm along its curve, 2 to 4.5 cm3 (Jack et al. 1989; Pruessner et al. 2000), wide"
_HEAD = "its head is a third to a half of it (Duvernoy 2005), wide"
_AXIS = "its long axis rises to the back by 20 to 45 degrees, wide"
_CROP = "a crop is centred by hand or by program, within some mm"
_VIEW = "a crop may be smaller than the grid, wide"
_CONTRAST = "T1-weighted: white over grey matter over fluid, wide"
_BIAS = "intensity non-uniformity of 20 to 40 % (BrainWeb: Kwan et al. 1999), less in a crop"
_RICIAN = "noise of 1 to 9 % of the brightest tissue (BrainWeb)"
_PRACTICE = "MR practice, wide prior"

SPACE = ParameterSpace(
    (
        Parameter("side", -1.0, 1.0, "1", "left below 0, right above"),
        Parameter("shift_x", -3.5, 3.5, "mm", _CROP),
        Parameter("shift_y", -3.5, 3.5, "mm", _CROP),
        Parameter("shift_z", -3.5, 3.5, "mm", _CROP),
        Parameter("view_x", 0.85, 1.3, "1", _VIEW),
        Parameter("view_y", 0.85, 1.3, "1", _VIEW),
        Parameter("view_z", 0.75, 1.3, "1", _VIEW),
        Parameter("length", 32.0, 46.0, "mm", _LENGTH),
        Parameter("rise", 0.1, 0.8, "rad", _AXIS),
        Parameter("yaw", -0.1, 0.4, "rad", "its back lies nearer to the middle or to the side, wide"),
        Parameter("bend", -3.5, 1.5, "mm", _ANATOMY),
        Parameter("hook", -1.0, 4.0, "mm", "the head turns to the middle (uncus), wide"),
        Parameter("split", 0.0, 0.25, "length", _HEAD),
        Parameter("head_width", 5.5, 10.0, "mm", _LENGTH),
        Parameter("head_height", 3.8, 6.5, "mm", _LENGTH),
        Parameter("tail_width", 3.5, 7.0, "mm", _LENGTH),
        Parameter("tail_height", 2.5, 5.0, "mm", _LENGTH),
        Parameter("roughness", 0.05, 0.25, "1", _ANATOMY),
        Parameter("horn", 0.0, 3.0, "mm", "fluid of the temporal horn above and beside it; widens with age"),
        Parameter("white_shell", 0.0, 2.5, "mm", "alveus and fimbria, wide"),
        Parameter("ribbon", 0.25, 0.6, "1", "cortex around, by a smooth field"),
        Parameter("folds", 0.8, 1.8, "waves over 32 mm", _ANATOMY),
        Parameter("cistern", 0.2, 1.6, "1", "fluid in folds and cisterns, by a smooth field"),
        Parameter("core", 6.0, 14.0, "mm", "white matter and thalamus above it, wide"),
        Parameter("core_x", -14.0, 6.0, "mm", _ANATOMY),
        Parameter("fluid", 0.02, 0.25, "white matter", _CONTRAST),
        Parameter("grey", 0.4, 0.7, "white matter", _CONTRAST),
        Parameter("own_grey", 0.8, 1.15, "grey", "the hippocampus against the cortex, wide"),
        Parameter("texture", 0.02, 0.12, "1", _ANATOMY, log=True),
        Parameter("bias", 0.01, 0.12, "1", _BIAS, log=True),
        Parameter("psf", 0.3, 0.7, "voxel", _PRACTICE),
        Parameter("noise", 0.01, 0.07, "white matter", _RICIAN, log=True),
    )
)
