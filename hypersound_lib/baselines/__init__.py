"""What an INR must beat: classical representations of equal size."""

from hypersound_lib.baselines.mdct import imdct, mdct, truncated_mdct

__all__ = ["imdct", "mdct", "truncated_mdct"]
