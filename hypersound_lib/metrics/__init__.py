"""How far a reconstruction is from its original: one function per metric, definitions as in the paper's Table 1.

Each function takes `(reference, estimate)`, in this order, and the sample rate where it matters, and returns one value
per signal: `(..., T), (..., T) -> (...)`. `METRICS` names them all with their units and directions, and `score` puts
many clips through them, in several processes where that helps. Where a metric has no value for two signals, its
function raises `MetricRefused` with the reason.
"""

from hypersound_lib.metrics.catalogue import METRICS, TABLE_1, Metric
from hypersound_lib.metrics.cdpam import cdpam
from hypersound_lib.metrics.intelligibility import estoi, stoi
from hypersound_lib.metrics.perceptual import dnsmos, pesq, visqol
from hypersound_lib.metrics.scoring import Scores, score
from hypersound_lib.metrics.spectral import lsd, mel_distance
from hypersound_lib.metrics.waveform import mse, nmse, si_snr, snr
