"""The parameter space of the axial thorax slice: wide on purpose, from common anatomy and CT practice.

Lengths in ``body`` are parts of half the chest's width (about 170 mm). Ranges come from the sources given, and were set
by looking at public slices (TCGA-LUAD); none was fitted.
"""

from __future__ import annotations

from medsyngen.phantoms.parameters import Parameter, ParameterSpace

_ANATOMY = "common anatomy of axial chest slices, wide prior"
_HABITUS = "from thin to obese, wide"
_AORTA = "aorta 25 to 40 mm across (ACR 2013), wide"
_HU = "Hounsfield units of tissues (Kak and Slaney; ICRU 46), wide"
_CONTRAST = "blood 40 HU, up to 300 HU with contrast medium"
_PRACTICE = "CT practice, wide prior"
_WINDOWS = "dark and bright ends, from the lung window (-600/1600 HU) to the mediastinal (40/350 HU), wide"
_NOISE = "5 to 60 HU by dose and kernel; less after averaging to few pixels"

SPACE = ParameterSpace(
    (
        Parameter("shift_x", -0.06, 0.06, "half side", _PRACTICE),
        Parameter("shift_y", -0.12, 0.06, "half side", _PRACTICE),
        Parameter("zoom", 0.8, 1.05, "half side", _PRACTICE),
        Parameter("rotation", -0.12, 0.12, "rad", _PRACTICE),
        Parameter("level", 0.0, 1.0, "1", "0 through the shoulders, 1 through the domes of the diaphragm"),
        Parameter("depth", 0.62, 0.8, "1", "front to back over side to side, wide"),
        Parameter("body_shape", 2.1, 2.9, "exponent", _ANATOMY),
        Parameter("body_skew", -0.05, 0.05, "1", _ANATOMY),
        Parameter("fat", 0.02, 0.12, "body", _HABITUS),
        Parameter("muscle", 0.07, 0.15, "body", _HABITUS),
        Parameter("breast", -0.25, 0.25, "body", "in some; none below 0"),
        Parameter("cage_shape", 2.0, 2.6, "exponent", _ANATOMY),
        Parameter("lung", -900.0, -780.0, "HU", _HU),
        Parameter("lung_gradient", 0.0, 120.0, "HU", "denser where it lies low, by gravity"),
        Parameter("vessels", 0.2, 1.0, "1", _ANATOMY),
        Parameter("vessel_size", 9.0, 16.0, "waves a picture", _ANATOMY),
        Parameter("mediastinum_width", 0.16, 0.28, "body", _ANATOMY),
        Parameter("mediastinal_fat", 0.0, 1.0, "1", _HABITUS),
        Parameter("soft", 20.0, 70.0, "HU", _HU),
        Parameter("blood", 35.0, 300.0, "HU", _CONTRAST),
        Parameter("heart", 0.34, 0.5, "body", _ANATOMY),
        Parameter("heart_x", 0.08, 0.22, "body", _ANATOMY),
        Parameter("heart_tilt", 0.2, 0.8, "rad", _ANATOMY),
        Parameter("aorta", 0.06, 0.1, "body", _AORTA),
        Parameter("trachea", 0.04, 0.065, "body", "trachea 13 to 22 mm across"),
        Parameter("dome_right", -0.15, 0.6, "body", "the right dome lies higher"),
        Parameter("dome_left", -0.35, 0.4, "body", _ANATOMY),
        Parameter("vertebra", 0.1, 0.14, "body", _ANATOMY),
        Parameter("marrow", 80.0, 280.0, "HU", _HU),
        Parameter("cortical", 350.0, 900.0, "HU", _HU),
        Parameter("ribs", 9.0, 15.0, "around", _ANATOMY),
        Parameter("rib_phase", 0.0, 1.0, "period", _ANATOMY),
        Parameter("rib_share", 0.3, 0.6, "1", "of the chest wall cut through a rib"),
        Parameter("rib_thickness", 0.035, 0.06, "body", _ANATOMY),
        Parameter("scapula", 0.1, 0.26, "body", _ANATOMY),
        Parameter("opacity", -0.5, 0.2, "body", "a nodule or mass in some slices; none below 0"),
        Parameter("opacity_x", -0.65, 0.65, "body", _ANATOMY),
        Parameter("opacity_y", -0.3, 0.3, "body", _ANATOMY),
        Parameter("effusion", -0.8, 0.3, "body", "fluid behind the lung in some; none below 0"),
        Parameter("table", -0.6, 1.0, "1", "table in the field of view of some; none below 0"),
        Parameter("table_gap", 0.0, 0.1, "body", _PRACTICE),
        Parameter("texture", 3.0, 15.0, "HU", "fat between muscle fibres and organs", log=True),
        Parameter("cutoff", 0.35, 0.9, "cycles/pixel", "soft to sharp kernels at few pixels, wide"),
        Parameter("sharpness", 0.0, 0.8, "1", "edge enhancement of sharp kernels, wide"),
        Parameter("noise", 2.0, 40.0, "HU", _NOISE, log=True),
        Parameter("window_low", -1400.0, -100.0, "HU", _WINDOWS),
        Parameter("window_high", 180.0, 500.0, "HU", _WINDOWS),
        Parameter("black", -1.0, -0.94, "grey", "dark end of exported grey"),
    )
)
