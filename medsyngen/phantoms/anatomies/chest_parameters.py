"""The parameter space of the chest radiograph: wide on purpose, from common anatomy and radiographic practice.

Lengths are parts of half the picture's side (the chest spans about -1 to 1, v runs down); densities are attenuation in
units in which the middle of the chest has about 1. Where a value below 0 means "none", the range says how often a
thing is seen.

The ranges start from the sources named. They were then moved while looking at the public NIH chest radiographs (a
development set) and at the kernel distance of all drawn pictures to all of these; none was fitted to single pictures,
and no other set of scans was looked at.
"""

from __future__ import annotations

from medsyngen.phantoms.parameters import Parameter, ParameterSpace

_ANATOMY = "common anatomy of frontal chest radiographs, wide prior; checked on public NIH radiographs"
_RATIO = "cardiothoracic ratio 0.35 to 0.65 (Danzer 1919), wide; checked on public NIH radiographs"
_RIBS = "8 to 10 posterior ribs seen at full inspiration, wide; checked on public NIH radiographs"
_DOME = "right dome higher by 1 to 2 cm, wide; checked on public NIH radiographs"
_BURGESS = "anatomical noise, beta 2.5 to 3.5 (Burgess 1999, 2003; Baath 2005)"
_MURRAY = "pulmonary vessels to the fifth generation; Murray 1926; checked on public NIH radiographs"
_PRACTICE = "radiographic practice, wide prior; checked on public NIH radiographs"
_SOME = "seen in some pictures; none below 0; checked on public NIH radiographs"
_SCATTER = "scatter fraction of chest radiographs with grid, wide"

_POSE = (
    Parameter("shift_x", -0.1, 0.1, "half side", _PRACTICE),
    Parameter("shift_y", -0.06, 0.15, "half side", _PRACTICE),
    Parameter("zoom", 1.02, 1.34, "1", _PRACTICE),
    Parameter("rotation", -0.07, 0.07, "rad", _PRACTICE),
    Parameter("lean", -0.06, 0.06, "1", _PRACTICE),
    Parameter(
        "turn",
        -0.04,
        0.04,
        "half side",
        "turned patient: front and back structures part; checked on public NIH radiographs",
    ),
)
_BODY = (
    Parameter("body_width", 0.75, 1.08, "half side", _ANATOMY),
    Parameter("waist", -0.12, 0.15, "half side", _ANATOMY),
    Parameter("axilla_y", -0.25, 0.5, "half side", _ANATOMY),
    Parameter("shoulder_y", -0.86, -0.63, "half side", _ANATOMY),
    Parameter("shoulder_depth", 0.15, 0.45, "half side", _ANATOMY),
    Parameter("trapezius", 0.1, 0.4, "half side", _ANATOMY),
    Parameter("deltoid_x", 0.75, 1.1, "half side", _ANATOMY),
    Parameter("neck_width", 0.18, 0.36, "half side", _ANATOMY),
    Parameter("neck", 0.5, 0.75, "density", _ANATOMY),
    Parameter("chin_y", -1.6, -0.9, "half side", _ANATOMY),
    Parameter("tissue", 0.5, 0.72, "density", _ANATOMY),
    Parameter("tissue_centre", 0.1, 0.35, "density", _ANATOMY),
    Parameter(
        "arm_x",
        1.0,
        1.8,
        "half side",
        "arms beside the trunk in pictures of lying patients; checked on public NIH radiographs",
    ),
    Parameter("arm_slope", -0.1, 0.3, "1", _ANATOMY),
    Parameter("arm_width", 0.14, 0.24, "half side", _ANATOMY),
    Parameter("arm_difference", -0.12, 0.12, "half side", _ANATOMY),
    Parameter("breast", -0.08, 0.34, "density", _SOME),
    Parameter("breast_x", 0.36, 0.56, "half side", _ANATOMY),
    Parameter("breast_y", 0.15, 0.5, "half side", _ANATOMY),
    Parameter("breast_size", 0.22, 0.4, "half side", _ANATOMY),
    Parameter("abdomen", 0.3, 0.75, "density", _ANATOMY),
    Parameter("stomach", -0.3, 0.45, "density", _SOME),
    Parameter("stomach_x", 0.22, 0.48, "half side", _ANATOMY),
    Parameter("stomach_width", 0.08, 0.22, "half side", _ANATOMY),
    Parameter("stomach_height", 0.04, 0.14, "half side", _ANATOMY),
    Parameter("bowel_gas", 0.0, 0.25, "density", _ANATOMY),
)
_CHEST = (
    Parameter("cage_width", 0.53, 0.71, "half side", _ANATOMY),
    Parameter("cage_flare", 0, 0.25, "1", _ANATOMY),
    Parameter("cage_y", 0.0, 0.5, "half side", _ANATOMY),
    Parameter("cage_shape", 1.9, 2.8, "exponent", _ANATOMY),
    Parameter("apex_y", -0.84, -0.6, "half side", _ANATOMY),
    Parameter("apex_x", 0.17, 0.28, "half side", _ANATOMY),
    Parameter("lung_asymmetry", -0.06, 0.06, "1", _ANATOMY),
    Parameter("lung_air", 0.43, 0.69, "density", _ANATOMY),
    Parameter("lung_profile", 0.35, 0.8, "exponent", _ANATOMY),
    Parameter("border_softness", 0.02, 0.14, "half side", _ANATOMY),
    Parameter("floor_softness", 0.0, 0.06, "half side", _ANATOMY),
    Parameter("diaphragm_y", 0.33, 0.66, "half side", _ANATOMY),
    Parameter("diaphragm_difference", -0.03, 0.12, "half side", _DOME),
    Parameter("dome_x", 0.25, 0.4, "half side", _ANATOMY),
    Parameter("costophrenic", 0.06, 0.26, "half side", _ANATOMY),
    Parameter("cardiophrenic", -0.02, 0.08, "half side", _ANATOMY),
    Parameter("effusion", -0.6, 0.35, "half side", _SOME),
    Parameter("effusion_side", -0.6, 1.6, "1", "right below 0, left above 1, else both"),
    Parameter("mediastinum_width", 0.05, 0.12, "half side", _ANATOMY),
    Parameter("vena_cava", 0.0, 0.05, "half side", _ANATOMY),
    Parameter("aortic_knob", 0.0, 0.09, "half side", _ANATOMY),
    Parameter("pulmonary_trunk", 0.0, 0.06, "half side", _ANATOMY),
    Parameter("heart_top", -0.2, 0.05, "half side", _RATIO),
    Parameter("heart_apex_y", 0.38, 0.62, "half side", _RATIO),
    Parameter("heart_left", 0.18, 0.46, "half side", _RATIO),
    Parameter("heart_right", 0.04, 0.17, "half side", _RATIO),
    Parameter("heart_shape", 0.9, 1.8, "exponent", _ANATOMY),
    Parameter("trachea", 0.04, 0.2, "density", _ANATOMY),
    Parameter("trachea_width", 0.04, 0.075, "half side", _ANATOMY),
    Parameter("trachea_bend", -0.02, 0.05, "half side", _ANATOMY),
    Parameter("carina_y", -0.3, -0.1, "half side", _ANATOMY),
    Parameter("hilum", 0, 0.4, "1", _ANATOMY),
    Parameter("hilum_y", -0.12, 0.06, "half side", _ANATOMY),
    Parameter("vessels", 0.9, 2.6, "density", _MURRAY, log=True),
    Parameter("vessel_length", 0.07, 0.13, "half side", _MURRAY),
    Parameter("interstitium", 0.01, 0.07, "1", _BURGESS, log=True),
    Parameter("base_haze", 0, 0.3, "1", _ANATOMY),
    Parameter("opacity", -1.5, 0.8, "1", _SOME),
    Parameter("opacity_x", -0.6, 0.6, "half side", _ANATOMY),
    Parameter("opacity_y", -0.5, 0.5, "half side", _ANATOMY),
    Parameter("opacity_width", 0.1, 0.45, "half side", _ANATOMY),
)
_BONES = (
    Parameter("spine", 0.05, 0.18, "density", _ANATOMY),
    Parameter("spine_width", 0.07, 0.12, "half side", _ANATOMY),
    Parameter("vertebrae", 0, 0.2, "1", _ANATOMY),
    Parameter("scoliosis", -0.03, 0.03, "half side", _ANATOMY),
    Parameter("rib", 0.045, 0.12, "density", _RIBS),
    Parameter("rib_spacing", 0.16, 0.22, "half side", _RIBS),
    Parameter("rib_phase", 0.0, 1.0, "period", _RIBS),
    Parameter("rib_spread", -0.1, 0.15, "1", _RIBS),
    Parameter("rib_arch", 0.18, 0.5, "half side", _RIBS),
    Parameter("rib_front", 0.2, 0.6, "half side", _RIBS),
    Parameter("rib_front_share", 0.03, 0.32, "1", _RIBS),
    Parameter("rib_thickness", 0.15, 0.25, "period", _RIBS),
    Parameter("cage_wall", 0.2, 1.2, "1", _RIBS),
    Parameter("clavicle", 0.06, 0.2, "density", _ANATOMY),
    Parameter("clavicle_y", -0.72, -0.5, "half side", _ANATOMY),
    Parameter("clavicle_rise", -0.25, 0.1, "half side", _ANATOMY),
    Parameter("clavicle_width", 0.035, 0.06, "half side", _ANATOMY),
    Parameter("scapula", 0.03, 0.16, "density", _ANATOMY),
    Parameter("scapula_x", 0.62, 0.82, "half side", _ANATOMY),
)
_DEVICES = (
    Parameter("tube", -1.0, 0.25, "1", _SOME),
    Parameter("central_line", -1.0, 0.35, "1", _SOME),
    Parameter("leads", -1.5, 0.9, "1", _SOME),
    Parameter("wire", 0.06, 0.2, "density", _PRACTICE),
    Parameter("electrode", 0.2, 1.2, "density", _PRACTICE),
    Parameter("pacemaker", -1.0, 0.15, "1", _SOME),
    Parameter("pacemaker_x", -0.55, 0.55, "half side", _ANATOMY),
    Parameter("pacemaker_size", 0.08, 0.14, "half side", _PRACTICE),
    Parameter("mark", -0.3, 1.0, "1", _SOME),
    Parameter("mark_x", 0.6, 0.92, "half side", _PRACTICE),
    Parameter("mark_y", -0.97, -0.7, "half side", _PRACTICE),
    Parameter("print", -1.0, 0.5, "1", _SOME),
)
_ACQUISITION = (
    Parameter("texture", 0.003, 0.03, "density", _BURGESS, log=True),
    Parameter("texture_exponent", 2.5, 3.5, "1", _BURGESS),
    Parameter("psf", 0.15, 0.5, "pixel", _PRACTICE),
    Parameter("scatter", 0.0, 0.3, "1", _SCATTER),
    Parameter("quantum", 0.001, 0.006, "density", _PRACTICE, log=True),
    Parameter("level", 0.45, 0.71, "density", "exposure and window, wide prior; checked on public NIH radiographs"),
    Parameter("contrast", 2.0, 3.6, "1", "exposure and window, wide prior; checked on public NIH radiographs"),
    Parameter("black", -1.1, -0.8, "grey", "film base and display, wide prior; checked on public NIH radiographs"),
    Parameter("white", 0.7, 0.98, "grey", "film base and display, wide prior; checked on public NIH radiographs"),
    Parameter("shutter_left", -0.25, 0.04, "side", _PRACTICE),
    Parameter("shutter_right", -0.25, 0.04, "side", _PRACTICE),
    Parameter("shutter_top", -0.3, 0.03, "side", _PRACTICE),
    Parameter("shutter_bottom", -0.25, 0.04, "side", _PRACTICE),
    Parameter("shutter_tilt", -0.04, 0.04, "1", _PRACTICE),
    Parameter("border", 0.0, 1.0, "1", "white print in one of seven, else black"),
)

SPACE = ParameterSpace(_POSE + _BODY + _CHEST + _BONES + _DEVICES + _ACQUISITION)
