"""Sounds and public corpora in miniature, in memory, for the tests of `hypersound_lib.data`."""

import io
import tarfile
import zipfile
from pathlib import Path

import numpy as np
import soundfile
import torch

CONTAINERS = {  # suffix: what soundfile calls it
    ".wav": ("WAV", "PCM_16"),
    ".aiff": ("AIFF", "PCM_16"),
    ".flac": ("FLAC", "PCM_16"),
    ".ogg": ("OGG", "VORBIS"),
    ".opus": ("OGG", "OPUS"),
    ".mp3": ("MP3", "MPEG_LAYER_III"),
}


def encode(samples: np.ndarray, sample_rate: int = 16000, suffix: str = ".wav") -> bytes:
    buffer = io.BytesIO()
    container, subtype = CONTAINERS[suffix]
    soundfile.write(buffer, samples, sample_rate, format=container, subtype=subtype)
    return buffer.getvalue()


def tone(frequency: float, sample_rate: int, seconds: float = 0.25) -> np.ndarray:
    t = np.arange(int(seconds * sample_rate)) / sample_rate
    return (0.5 * np.sin(2 * np.pi * frequency * t)).astype(np.float32)


def sound(num_samples: int) -> torch.Tensor:
    return 0.1 * torch.randn(num_samples, generator=torch.Generator().manual_seed(0))


def peak_frequency(waveform: torch.Tensor, sample_rate: int) -> float:
    spectrum = torch.fft.rfft(waveform * torch.hann_window(len(waveform)), n=8 * len(waveform)).abs()
    return spectrum.argmax().item() * sample_rate / (8 * len(waveform))


def corpus_files(name: str) -> dict[str, bytes]:
    """Return a corpus in miniature: path in the archive -> content. Every sound is another tone."""
    frequencies = iter(range(200, 2200, 50))

    def sound(suffix: str) -> bytes:
        return encode(tone(next(frequencies), 16000), suffix=suffix)

    if name == "vctk":
        files = {"txt/p225/p225_001.txt": b"Please call Stella.\n", "log.txt": b"not a speaker"}
        for speaker in [f"p{number}" for number in range(225, 237)] + ["p280", "p315"]:
            for mic in (1,) if speaker == "p280" else (1, 2):
                files[f"wav48_silence_trimmed/{speaker}/{speaker}_001_mic{mic}.flac"] = sound(".flac")
            if speaker != "p315":
                files[f"txt/{speaker}/{speaker}_001.txt"] = f"Text of {speaker}.\n".encode()
        return files
    if name == "ljspeech":
        names = [f"LJ{chapter:03d}-{line:04d}" for chapter in range(1, 21) for line in (1, 2)]
        files = {f"LJSpeech-1.1/wavs/{stem}.wav": sound(".wav") for stem in names[:40]}
        lines = "".join(f'{stem}|In 1865 "it|In eighteen "it\n' for stem in names)
        return files | {"LJSpeech-1.1/metadata.csv": lines.encode()}
    if name == "librispeech-dev-clean":
        files = {}
        for speaker in range(100, 120):
            stem = f"{speaker}-7"
            folder = f"LibriSpeech/dev-clean/{speaker}/7"
            files[f"{folder}/{stem}-0000.flac"] = sound(".flac")
            files[f"{folder}/{stem}.trans.txt"] = f"{stem}-0000 SPOKEN BY {speaker}\n".encode()
        return files
    if name == "speechcommands":
        listed = {"testing_list.txt": b"yes/bbb_nohash_0.wav\n", "validation_list.txt": b"no/ccc_nohash_0.wav\n"}
        files = {f"{word}/{who}_nohash_0.wav": sound(".wav") for word in ("yes", "no") for who in ("aaa", "ddd")}
        files |= {"yes/bbb_nohash_0.wav": sound(".wav"), "no/ccc_nohash_0.wav": sound(".wav")}
        return files | listed | {"_background_noise_/pink_nohash_0.wav": sound(".wav")}
    if name == "yesno":
        names = [f"0_1_0_{a}_{b}_{c}_1_1" for a in (0, 1) for b in (0, 1) for c in (0, 1)]
        return {f"waves_yesno/{stem}.wav": sound(".wav") for stem in names} | {"waves_yesno/README": b"hello"}
    raise ValueError(name)


def write_files(folder: Path, files: dict[str, bytes]) -> Path:
    for name, content in files.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)
    return folder


def pack(files: dict[str, bytes], filename: str) -> bytes:
    buffer = io.BytesIO()
    if filename.endswith(".zip"):
        with zipfile.ZipFile(buffer, "w") as archive:
            for name, content in files.items():
                archive.writestr(name, content)
    else:
        with tarfile.open(fileobj=buffer, mode=f"w:{filename.rpartition('.tar')[2].removeprefix('.')}") as archive:
            for name, content in files.items():
                entry = tarfile.TarInfo(name)
                entry.size = len(content)
                archive.addfile(entry, io.BytesIO(content))
    return buffer.getvalue()
