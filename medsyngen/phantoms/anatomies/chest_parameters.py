"""The parameter space of the chest radiograph: wide on purpose, from common anatomy and radiographic practice.

Lengths are parts of half the picture's side (the chest spans about -1 to 1); densities are attenuation in units in
which the soft tissue of the chest wall is about 0.6. No range was fitted to any set of scans.
"""

from __future__ import annotations

from medsyngen.phantoms.parameters import Parameter, ParameterSpace

_ANATOMY = "common anatomy of frontal chest radiographs, wide prior"
_RATIO = "cardiothoracic ratio 0.35 to 0.65 (Danzer 1919), wide"
_RIBS = "8 to 10 posterior ribs seen at full inspiration, wide"
_BURGESS = "anatomical noise, beta 2.5 to 3.5 (Burgess 1999, 2003; Baath 2005)"
_PRACTICE = "radiographic practice, wide prior"
_SCATTER = "scatter fraction of chest radiographs with grid, wide"

SPACE = ParameterSpace(
    (
        Parameter("shift_x", -0.12, 0.12, "half side", _PRACTICE),
        Parameter("shift_y", -0.15, 0.15, "half side", _PRACTICE),
        Parameter("zoom", 0.85, 1.35, "1", _PRACTICE),
        Parameter("rotation", -0.12, 0.12, "rad", _PRACTICE),
        Parameter("body_width", 0.85, 1.25, "half side", _ANATOMY),
        Parameter("neck_width", 0.25, 0.5, "half side", _ANATOMY),
        Parameter("shoulder_y", -1.25, -0.75, "half side", _ANATOMY),
        Parameter("tissue", 0.45, 0.8, "density", _ANATOMY),
        Parameter("tissue_centre", 0.0, 0.35, "density", _ANATOMY),
        Parameter("lung_x", 0.4, 0.5, "half side", _ANATOMY),
        Parameter("lung_y", -0.12, 0.08, "half side", _ANATOMY),
        Parameter("lung_width", 0.26, 0.38, "half side", _ANATOMY),
        Parameter("lung_height", 0.6, 0.9, "half side", _ANATOMY),
        Parameter("lung_shape", 2.0, 3.2, "exponent", _ANATOMY),
        Parameter("lung_tilt", 0.02, 0.16, "1", _ANATOMY),
        Parameter("lung_air", 0.3, 0.65, "density", _ANATOMY),
        Parameter("lung_asymmetry", -0.1, 0.1, "1", _ANATOMY),
        Parameter("diaphragm_y", 0.35, 0.75, "half side", _ANATOMY),
        Parameter("diaphragm_dome", 0.12, 0.4, "half side", _ANATOMY),
        Parameter("diaphragm_difference", -0.03, 0.12, "half side", "right dome higher by 1 to 2 cm, wide"),
        Parameter("abdomen", 0.1, 0.5, "density", _ANATOMY),
        Parameter("mediastinum_width", 0.1, 0.24, "half side", _ANATOMY),
        Parameter("mediastinum", 0.1, 0.4, "density", _ANATOMY),
        Parameter("heart_x", 0.04, 0.22, "half side", _RATIO),
        Parameter("heart_y", 0.2, 0.5, "half side", _RATIO),
        Parameter("heart_width", 0.24, 0.46, "half side", _RATIO),
        Parameter("heart_height", 0.2, 0.4, "half side", _RATIO),
        Parameter("heart_tilt", 0.2, 0.8, "rad", _ANATOMY),
        Parameter("heart", 0.1, 0.45, "density", _ANATOMY),
        Parameter("spine_width", 0.05, 0.1, "half side", _ANATOMY),
        Parameter("spine", 0.02, 0.2, "density", _ANATOMY),
        Parameter("vertebrae", 0.0, 0.3, "1", _ANATOMY),
        Parameter("rib_spacing", 0.14, 0.22, "half side", _RIBS),
        Parameter("rib_phase", 0.0, 1.0, "period", _RIBS),
        Parameter("rib_droop", 0.1, 0.6, "1", _RIBS),
        Parameter("rib_thickness", 0.12, 0.28, "period", _RIBS),
        Parameter("rib", 0.03, 0.18, "density", _RIBS),
        Parameter("clavicle_y", -0.8, -0.5, "half side", _ANATOMY),
        Parameter("clavicle_slope", -0.4, 0.25, "1", _ANATOMY),
        Parameter("clavicle", 0.02, 0.22, "density", _ANATOMY),
        Parameter("hilum", 0.0, 0.2, "density", _ANATOMY),
        Parameter("vessels", 0.02, 0.12, "density", _ANATOMY),
        Parameter("opacity", -0.3, 0.45, "density", "focal consolidation in some pictures; none below 0"),
        Parameter("opacity_x", -0.6, 0.6, "half side", _ANATOMY),
        Parameter("opacity_y", -0.4, 0.5, "half side", _ANATOMY),
        Parameter("opacity_width", 0.1, 0.4, "half side", _ANATOMY),
        Parameter("texture", 0.01, 0.1, "density", _BURGESS, log=True),
        Parameter("texture_exponent", 2.5, 3.5, "1", _BURGESS),
        Parameter("psf", 0.15, 0.7, "pixel", _PRACTICE),
        Parameter("scatter", 0.0, 0.4, "1", _SCATTER),
        Parameter("quantum", 0.003, 0.03, "density", _PRACTICE, log=True),
        Parameter("level", 0.3, 0.95, "density", "exposure and window, wide prior"),
        Parameter("contrast", 0.8, 2.2, "1", "exposure and window, wide prior"),
        Parameter("collimation_left", -0.25, 0.08, "side", _PRACTICE),
        Parameter("collimation_right", -0.25, 0.08, "side", _PRACTICE),
        Parameter("collimation_top", -0.25, 0.08, "side", _PRACTICE),
        Parameter("collimation_bottom", -0.25, 0.08, "side", _PRACTICE),
        Parameter("border", -1.0, -0.7, "grey", _PRACTICE),
    )
)
