"""One INR to one sound, by gradient descent, and with it what it needs to be heard."""

from hypersound_lib.fitting.fit import FitConfig, FitResult, fit_inr
from hypersound_lib.fitting.fitted_sound import FittedSound
