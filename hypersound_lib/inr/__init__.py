"""Implicit neural representations of sound: the target networks T(t, θ) (paper, section 3.2)."""

from hypersound_lib.inr.base import INR
from hypersound_lib.inr.build import INR_CONFIGS, INRConfig, build_inr
from hypersound_lib.inr.embedding import FourierFeatures, even_frequencies, octave_frequencies, spectral_frequencies
from hypersound_lib.inr.fourier_mlp import BASE, LARGE, SMALL, SPECTRAL, FourierMLP, FourierMLPConfig, spectral_config
from hypersound_lib.inr.local import LocalConfig, LocalINR
from hypersound_lib.inr.local_build import LOCAL_CONFIGS, LocalTargetConfig, build_local_target
from hypersound_lib.inr.local_network import LocalNetwork, LocalNetworkConfig
from hypersound_lib.inr.local_target import LocalTarget
from hypersound_lib.inr.modulated import ModulatedSIREN, ModulatedSIRENConfig
from hypersound_lib.inr.siren import SIREN, SIRENConfig

__all__ = [
    "BASE",
    "INR",
    "INR_CONFIGS",
    "LARGE",
    "LOCAL_CONFIGS",
    "SIREN",
    "SMALL",
    "SPECTRAL",
    "FourierFeatures",
    "FourierMLP",
    "FourierMLPConfig",
    "INRConfig",
    "LocalConfig",
    "LocalINR",
    "LocalNetwork",
    "LocalNetworkConfig",
    "LocalTarget",
    "LocalTargetConfig",
    "ModulatedSIREN",
    "ModulatedSIRENConfig",
    "SIRENConfig",
    "build_inr",
    "build_local_target",
    "even_frequencies",
    "octave_frequencies",
    "spectral_config",
    "spectral_frequencies",
]
