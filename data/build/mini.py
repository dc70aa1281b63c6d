"""``data/mini``: synthetic speech in VCTK's layout.

    mini/
      speaker-info.txt                             who speaks, and with which settings
      manifest.csv                                 one line per sentence
      toolchain.json                               what made these bytes
      txt/s01/s01_001.txt                          what is said
      wav48_silence_trimmed/s01/s01_001_mic1.ogg   how it sounds, 22 050 Hz

The folder name ``wav48_silence_trimmed`` is VCTK's and says nothing about the rate here.
"""

import json
import platform
from pathlib import Path

import numpy as np
import scipy
import soundfile
import soxr
from measure import HIGH_BAND_HZ, band_level_db, log_spectral_distance, snr_db
from sentences import sentences_of
from speakers import NUM_TEST, SPEAKERS, Speaker, split_of
from speech import SAMPLE_RATE, engine_versions, render
from storage import describe_audio, encode_ogg, write_csv

COLUMNS = ["path", "speaker", "split", "seconds", "num_samples", "sample_rate", "engine", "voice", "text"]
COLUMNS += ["codec_snr_db", "codec_lsd", "codec_high_band_db", "sha256", "pcm_sha256"]
PEAK_RANGE = (0.2, 0.95)  # of full scale
SECONDS_RANGE = (2.0, 8.0)


def check_waveform(waveform: np.ndarray, name: str) -> None:
    """Raise ``ValueError`` if a sentence is too loud, too quiet, too short or too long for the corpus."""
    peak, seconds = np.abs(waveform).max(), len(waveform) / SAMPLE_RATE
    if not PEAK_RANGE[0] <= peak <= PEAK_RANGE[1]:
        raise ValueError(f"{name}: peak {peak:.3f} is outside {PEAK_RANGE}; change the speaker's gain_db")
    if not SECONDS_RANGE[0] <= seconds <= SECONDS_RANGE[1]:
        raise ValueError(f"{name}: {seconds:.2f} s are outside {SECONDS_RANGE}; change the sentence or the rate")


def codec_columns(waveform: np.ndarray, decoded: np.ndarray) -> dict[str, str]:
    """What Ogg Vorbis changed: signal to error ratio, LSD, and the change of the energy above ``HIGH_BAND_HZ``."""
    before, after = (band_level_db(x, SAMPLE_RATE, HIGH_BAND_HZ) for x in (waveform, decoded))
    return {
        "codec_snr_db": f"{snr_db(waveform, decoded):.1f}",
        "codec_lsd": f"{log_spectral_distance(waveform, decoded, SAMPLE_RATE):.2f}",
        "codec_high_band_db": f"{after - before:.2f}",
    }


def write_sentence(root: Path, speaker: Speaker, number: int, text: str) -> dict[str, object]:
    """Write the transcript and the audio of one sentence; return its line of the manifest, without the split."""
    stem = f"{speaker.name}_{number:03d}"
    transcript = root / "txt" / speaker.name / f"{stem}.txt"
    audio = root / "wav48_silence_trimmed" / speaker.name / f"{stem}_mic1.ogg"
    for path in (transcript, audio):
        path.parent.mkdir(parents=True, exist_ok=True)
    waveform = render(speaker, text)
    check_waveform(waveform, stem)
    transcript.write_text(text + "\n", encoding="utf-8")
    audio.write_bytes(encode_ogg(waveform, SAMPLE_RATE))
    codec = codec_columns(waveform, soundfile.read(audio)[0])
    facts = {"speaker": speaker.name, "engine": speaker.engine, "voice": speaker.voice, "text": text}
    return facts | codec | describe_audio(root, audio)


def write_speaker_info(path: Path) -> None:
    """The table of speakers, in columns of spaces as VCTK has it."""
    lines = ["ID  ENGINE     VOICE                   PITCH  RATE  SETTINGS"]
    lines += [f"{s.name:<4}{s.engine:<11}{s.voice:<24}{s.pitch:<7g}{s.rate:<6g}{s.settings}" for s in SPEAKERS]
    path.write_text("\n".join(lines) + "\n", encoding="utf-8")


def toolchain() -> dict[str, str]:
    """The versions that decide about the bytes: engines, filter, resampler, encoder and processor family."""
    libraries = {"soxr": soxr.__libsoxr_version__, "libsndfile": soundfile.__libsndfile_version__}
    return engine_versions() | {"scipy": scipy.__version__} | libraries | {"machine": platform.machine()}


def build_mini(root: Path) -> None:
    """Write the whole corpus into the empty folder ``root``."""
    (root / "toolchain.json").write_text(json.dumps(toolchain(), indent=2) + "\n", encoding="utf-8")
    write_speaker_info(root / "speaker-info.txt")
    rows = []
    for index, speaker in enumerate(SPEAKERS):
        for number, text in enumerate(sentences_of(index, len(SPEAKERS) - NUM_TEST), start=1):
            rows.append({"split": split_of(index)} | write_sentence(root, speaker, number, text))
        print(f"mini: {speaker.name} {speaker.engine} {speaker.voice}", flush=True)
    write_csv(root / "manifest.csv", COLUMNS, rows)
