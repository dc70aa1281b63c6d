"""Learn, run and extend HyperSound: hypernetworks that turn a sound into the weights of a small network.

The public surface; every name is documented where it is defined.
"""

from hypersound_lib.coords import clip_duration, samples_in, time_coords
from hypersound_lib.errors import ConfigError, HyperSoundError

__version__ = "0.1.0"

__all__ = ["ConfigError", "HyperSoundError", "clip_duration", "samples_in", "time_coords"]
