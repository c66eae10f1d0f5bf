"""The parameter space of the axial brain slice: wide on purpose, from common anatomy and MR practice.

Lengths in ``head`` are parts of half the head's length (about 95 mm) at its widest level. Ranges come from the sources
given, and were widened by looking at public slices (MNI152, Brain-Tumor-Progression); none was fitted.
"""

from __future__ import annotations

from medsyngen.phantoms.parameters import Parameter, ParameterSpace

_ANATOMY = "common anatomy of axial head slices, wide prior"
_CEPHALIC = "cephalic index 0.70 to 0.88 of adults, wide"
_CORTEX = "cortex 2 to 4 mm thick (Fischl and Dale 2000), as seen at 4 mm pixels, wide"
_FOLDS = "sulci 15 to 25 mm apart and 10 to 30 mm deep, wide"
_AGE = "ventricles and sulci widen with age, wide"
_PROTOCOL = "common head protocols, see SEQUENCES in brain_contrast"
_PRACTICE = "MR practice, wide prior"
_BIAS = "intensity non-uniformity of 20 to 40 % (BrainWeb: Kwan et al. 1999; N4: Tustison et al. 2010), wide"
_RICIAN = "noise of 1 to 9 % of the brightest tissue at full matrix (BrainWeb), less after averaging to few pixels"

SPACE = ParameterSpace(
    (
        Parameter("shift_x", -0.06, 0.06, "half side", _PRACTICE),
        Parameter("shift_y", -0.06, 0.06, "half side", _PRACTICE),
        Parameter("zoom", 0.78, 1.0, "half side", _PRACTICE),
        Parameter("rotation", -0.15, 0.15, "rad", _PRACTICE),
        Parameter("level", 0.0, 1.0, "1", "0 through eyes and cerebellum, 1 just below the vertex"),
        Parameter("cephalic_index", 0.7, 0.88, "1", _CEPHALIC),
        Parameter("head_shape", 2.0, 2.5, "exponent", _ANATOMY),
        Parameter("head_taper", 0.0, 0.16, "1", _ANATOMY),
        Parameter("head_skew", -0.05, 0.05, "1", _ANATOMY),
        Parameter("scalp", 0.04, 0.09, "head", _ANATOMY),
        Parameter("skull", 0.025, 0.07, "head", _ANATOMY),
        Parameter("marrow", 0.0, 0.5, "1", _ANATOMY),
        Parameter("csf_layer", 0.005, 0.04, "head", _AGE),
        Parameter("cortex", 0.04, 0.075, "head", _CORTEX),
        Parameter("sulci", 16.0, 30.0, "sulci around", _FOLDS),
        Parameter("sulcus_width", -0.02, 0.025, "head", _AGE),
        Parameter("sulcus_depth", 0.08, 0.28, "head", _FOLDS),
        Parameter("folding", 0.5, 2.5, "rad", _FOLDS),
        Parameter("tangle", 0.1, 0.7, "1", "0 sulci run straight inwards, 1 as worms; more so near the vertex"),
        Parameter("fissure", -0.008, 0.016, "head", _AGE),
        Parameter("sylvian", 0.0, 0.05, "head", _AGE),
        Parameter("ventricles", 0.6, 1.7, "1", _AGE),
        Parameter("third_ventricle", 0.0, 0.04, "head", _AGE),
        Parameter("deep_grey", 0.3, 1.0, "1", _ANATOMY),
        Parameter("lesion", -0.3, 0.22, "head", "a lesion in some slices; none below 0"),
        Parameter("lesion_x", -0.45, 0.45, "head", _ANATOMY),
        Parameter("lesion_y", -0.55, 0.55, "head", _ANATOMY),
        Parameter("eye", 0.13, 0.18, "head", "globes 24 mm across, wide"),
        Parameter("eye_x", 0.3, 0.4, "head", _ANATOMY),
        Parameter("air_cells", 0.06, 0.18, "head", _ANATOMY),
        Parameter("sequence", 0.0, 5.0, "kind", "T1 spin echo, T1 prepared gradient echo, PD, T2, FLAIR"),
        Parameter("recovery", 0.0, 1.0, "1", _PROTOCOL),
        Parameter("echo", 0.0, 1.0, "1", _PROTOCOL),
        Parameter("field_strength", 1.0, 3.0, "T", _PROTOCOL),
        Parameter("fat", 0.5, 1.6, "1", "fat saturation below 1, fast spin echo above"),
        Parameter("brightness", 0.3, 0.9, "full scale", _PRACTICE),
        Parameter("texture", 0.005, 0.06, "1", _ANATOMY, log=True),
        Parameter("bias", 0.02, 0.18, "1", _BIAS),
        Parameter("psf", 0.2, 0.6, "pixel", _PRACTICE),
        Parameter("matrix", 0.7, 1.0, "1", "zero-filled k-space, wide"),
        Parameter("noise", 0.002, 0.02, "full scale", _RICIAN, log=True),
        Parameter("skull_stripped", -0.85, 0.15, "1", "brains cut out by program in some cohorts; above 0"),
    )
)
