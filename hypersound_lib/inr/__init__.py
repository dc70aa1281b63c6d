"""Implicit neural representations of sound: the target networks T(t, θ) (paper, section 3.2)."""

from hypersound_lib.inr.build import INR_CONFIGS, INRConfig, build_inr, spectral_config
from hypersound_lib.inr.fourier_mlp import (
    BASE,
    INR,
    LARGE,
    SMALL,
    SPECTRAL,
    FourierFeatures,
    FourierMLP,
    FourierMLPConfig,
)
from hypersound_lib.inr.frequencies import even_frequencies, octave_frequencies, spectral_frequencies
from hypersound_lib.inr.siren import SIREN, ModulatedSIREN, ModulatedSIRENConfig, SIRENConfig
