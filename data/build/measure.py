"""The numbers that the data card reports: level, pitch, bandwidth, silence and what the codec changed."""

import librosa
import numpy as np

LSD_FLOOR = 1e-10  # power added to both spectra, 100 dB below full scale
HIGH_BAND_HZ = 8000.0  # flite at 16 kHz has nothing above it


def db(power_ratio: float) -> float:
    """A ratio of powers in decibels, −inf for 0.

    >>> db(0.01)
    -20.0
    """
    return float(10 * np.log10(power_ratio)) if power_ratio > 0 else -np.inf


def level_dbfs(waveform: np.ndarray) -> float:
    """Root mean square of a waveform ``(T,)`` relative to full scale, in dB."""
    return db(np.mean(waveform**2))


def snr_db(reference: np.ndarray, coded: np.ndarray) -> float:
    """Signal to error ratio of two waveforms ``(T,)`` in dB."""
    return db(np.mean(reference**2) / np.mean((reference - coded) ** 2))


def log_spectral_distance(reference: np.ndarray, coded: np.ndarray, sample_rate: int) -> float:
    """LSD over log10 power, RMS over frequency, mean over frames; windows and hop as for the paper's Table 1.

    n_fft = 2048·rate/44100 and hop = rate/100. ``LSD_FLOOR`` keeps it finite on digital silence.
    """
    n_fft, hop_length = 2048 * sample_rate // 44_100, sample_rate // 100
    stft = [librosa.stft(x, n_fft=n_fft, hop_length=hop_length) / n_fft for x in (reference, coded)]
    log_reference, log_coded = (np.log10(np.abs(x) ** 2 + LSD_FLOOR) for x in stft)
    return float(np.mean(np.sqrt(np.mean((log_reference - log_coded) ** 2, axis=0))))


def median_f0(waveform: np.ndarray, sample_rate: int) -> float:
    """Median pitch in Hz of the loud half of a waveform ``(T,)``, by YIN between 55 and 420 Hz."""
    hop_length = sample_rate // 50
    f0 = librosa.yin(waveform, fmin=55, fmax=420, sr=sample_rate, hop_length=hop_length)
    level = librosa.feature.rms(y=waveform, hop_length=hop_length)[0]
    return float(np.median(f0[level >= np.median(level)]))


def band_level_db(waveform: np.ndarray, sample_rate: int, low_hz: float) -> float:
    """Energy above ``low_hz`` relative to the whole energy of a waveform ``(T,)``, in dB."""
    power = np.abs(np.fft.rfft(waveform)) ** 2
    return db(power[np.fft.rfftfreq(len(waveform), 1 / sample_rate) >= low_hz].sum() / power.sum())


def digital_silence(waveform: np.ndarray, sample_rate: int) -> float:
    """The share of 10 ms frames of a waveform ``(T,)`` in which no sample reaches 16-bit resolution.

    >>> digital_silence(np.r_[np.zeros(100), np.ones(300)], 10_000)
    0.25
    """
    length = sample_rate // 100
    frames = waveform[: len(waveform) // length * length].reshape(-1, length)
    return float(np.mean(np.abs(frames).max(axis=1) < 1 / 32768))
