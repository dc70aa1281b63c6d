"""Small local targets that are networks, one of each kind."""

import math

from hypersound_lib.inr import FourierMLPConfig, LocalNetworkConfig, ModulatedSIRENConfig, SIRENConfig

HALF_BAND = math.pi * 16  # rad per frame, where the trained rate holds 2π · 16
NETWORKS = {
    "fourier": LocalNetworkConfig(16, FourierMLPConfig(1, 8, num_octaves=0, num_frequencies=32), bands=4),
    "octaves": LocalNetworkConfig(16, FourierMLPConfig(2, 6, num_octaves=6), bands=0),
    "siren": LocalNetworkConfig(16, SIRENConfig(2, 6, HALF_BAND), bands=4),
    "modulated": LocalNetworkConfig(16, ModulatedSIRENConfig(2, 6, 3, HALF_BAND), bands=4),
}
