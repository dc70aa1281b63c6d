"""What an INR must beat: classical representations of equal size, and references without the phase."""

from hypersound_lib.baselines.frame_pca import FramePCA, frame_pca_size
from hypersound_lib.baselines.mdct import imdct, mdct, mdct_of_size, truncated_mdct
from hypersound_lib.baselines.phase import griffin_lim, random_phase
