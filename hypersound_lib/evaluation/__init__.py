"""Trustworthy comparisons: models and references on the same recordings, six metrics, means with intervals."""

from hypersound_lib.evaluation.bands import BandError, band_errors
from hypersound_lib.evaluation.evaluate import DEFAULT_METRICS, evaluate
from hypersound_lib.evaluation.excerpts import Excerpt, choose_excerpts
from hypersound_lib.evaluation.results import ClipRow, Evaluation, Interval, Size, bootstrap, evaluation_from_json
from hypersound_lib.evaluation.systems import System, load_system, load_systems, model_system, reference_systems
