"""What training minimises: named terms and their weighted sums, and the terms on bands of a spectrogram."""

from hypersound_lib.losses.reconstruction import LOSSES, TERMS, LossConfig, ReconstructionLoss
