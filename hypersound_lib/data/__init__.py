"""Sounds in and out: files, corpora by name, 16-bit stores, clips for training, and the paper's augmentations.

One waveform's way through: ``load_dataset`` → ``build_store`` → ``RandomClips`` → ``DataLoader``.
"""

from hypersound_lib.data.audio import load_audio
from hypersound_lib.data.augment import Dequantize, PhaseMangle, Step, all_pass, codec_augmentation, paper_augmentation
from hypersound_lib.data.catalogue import CORPORA
from hypersound_lib.data.clips import RandomClips
from hypersound_lib.data.corpora import AudioDataset, Sound, load_dataset
from hypersound_lib.data.layouts import Recording
from hypersound_lib.data.store import AudioStore, build_store
from hypersound_lib.data.waveforms import (
    as_real,
    as_sound,
    from_int16,
    peak_normalize,
    resample,
    resampled_length,
    to_int16,
)
from hypersound_lib.data.writing import save_audio
