"""Where each corpus keeps its sounds, speakers and transcripts: one function per folder layout.

Each takes a corpus' folder and returns its recordings, sorted. They read names and transcripts only, never audio.
"""

import re
import shutil
import warnings
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

AUDIO_SUFFIXES = (".wav", ".flac", ".ogg", ".oga", ".opus", ".mp3", ".aif", ".aiff")


@dataclass(frozen=True)
class Recording:
    """One sound file of a corpus and what is known about it."""

    path: Path
    speaker: str = ""  # empty where the corpus does not tell
    transcript: str = ""  # empty where there is none


def index_vctk(folder: Path) -> list[Recording]:
    """Index VCTK 0.92 and every corpus laid out like it, such as the embedded "mini".

    ::

        wav48_silence_trimmed/p225/p225_001_mic2.flac      txt/p225/p225_001.txt

    Of two microphones the second is taken, like torchaudio's default; where it is missing (all of p280, some of p362)
    the first stands in instead of being skipped. Speaker p315 has no transcripts: its are empty.
    """
    audio = folder / "wav48_silence_trimmed"
    files: dict[tuple[str, str], Path] = {}
    # Sorted, mic2 comes after mic1 of the same utterance and replaces it.
    for path in sorted(audio.glob("*/*")):
        named = re.fullmatch(r"(.+)_mic\d", path.stem)
        if named and path.suffix.lower() in AUDIO_SUFFIXES and path.is_file():
            files[path.parent.name, named[1]] = path
    return [
        Recording(path, speaker, _read_text(folder / "txt" / speaker / f"{utterance}.txt"))
        for (speaker, utterance), path in sorted(files.items())
    ]


def index_ljspeech(folder: Path) -> list[Recording]:
    """Index LJSpeech 1.1: ``metadata.csv`` (id|transcript|normalised transcript) by ``wavs/``. One speaker, "LJ"."""
    recordings = []
    for line in read_lines(folder / "metadata.csv"):
        name, *texts = line.split("|")
        recordings.append(Recording(folder / "wavs" / f"{name}.wav", "LJ", texts[-1] if texts else ""))
    return recordings


def index_librispeech(folder: Path) -> list[Recording]:
    """Index one subset of LibriSpeech, such as ``LibriSpeech/dev-clean``.

    ::

        1272/128104/1272-128104-0000.flac      1272/128104/1272-128104.trans.txt
    """
    recordings = []
    for transcripts in sorted(folder.glob("*/*/*.trans.txt")):
        speaker = transcripts.name.split("-")[0]
        for line in read_lines(transcripts):
            name, _, text = line.partition(" ")
            recordings.append(Recording(transcripts.parent / f"{name}.flac", speaker, text))
    return recordings


def index_speechcommands(folder: Path) -> list[Recording]:
    """Index Speech Commands 0.02: ``WORD/SPEAKER_nohash_N.wav``, the transcript being the word.

    Background noise is left out, for it is no command.
    """
    return [
        Recording(path, path.name.split("_nohash_")[0], path.parent.name)
        for path in sorted(folder.glob("*/*_nohash_*.wav"))
        if path.parent.name != "_background_noise_"
    ]


def index_yesno(folder: Path) -> list[Recording]:
    """Index YesNo: ``1_0_0_1_1_0_1_0.wav``, each digit a Hebrew yes (1) or no (0) by the same speaker."""
    words = {"0": "no", "1": "yes"}
    return [
        Recording(path, "yesno", " ".join(words[digit] for digit in path.stem.split("_")))
        for path in sorted(folder.glob("*.wav"))
        if re.fullmatch(r"[01](_[01])*", path.stem)
    ]


def index_folder(folder: Path) -> list[Recording]:
    """Index any folder of audio, with its subfolders; the first subfolder names the speaker. Hidden files are skipped.

    A warning counts the files that only ffmpeg reads, where it is not installed.
    """
    from hypersound_lib.data.ffmpeg import FOREIGN_SUFFIXES  # needed here alone

    readable = (*AUDIO_SUFFIXES, *FOREIGN_SUFFIXES) if shutil.which("ffmpeg") else AUDIO_SUFFIXES
    recordings, unread = [], Counter[str]()
    for path in sorted(folder.rglob("*")):
        parts, suffix = path.relative_to(folder).parts, path.suffix.lower()
        if any(part.startswith(".") for part in parts) or not path.is_file():
            continue
        if suffix in readable:
            recordings.append(Recording(path, parts[0] if len(parts) > 1 else ""))
        elif suffix in FOREIGN_SUFFIXES:
            unread[suffix] += 1
    if unread:
        kinds = ", ".join(f"{count} {suffix}" for suffix, count in sorted(unread.items()))
        warnings.warn(f"{folder}: {kinds} left out, which only ffmpeg reads; install it or convert them", stacklevel=3)
    return recordings


def _read_text(path: Path) -> str:
    return path.read_text(encoding="utf-8", errors="replace").strip() if path.is_file() else ""


def read_lines(path: Path) -> list[str]:
    """Return the lines of a file that hold something, stripped; none where there is no file."""
    return [line.strip() for line in _read_text(path).split("\n") if line.strip()]


EXPECTED: dict[Callable[[Path], list[Recording]], str] = {  # in a folder, for messages where it holds no recording
    index_vctk: "wav48_silence_trimmed/SPEAKER/SPEAKER_NNN_micN.flac",
    index_ljspeech: "metadata.csv with lines of id|transcript|normalised transcript",
    index_librispeech: "SPEAKER/CHAPTER/SPEAKER-CHAPTER.trans.txt",
    index_speechcommands: "WORD/SPEAKER_nohash_N.wav",
    index_yesno: "1_0_0_1_1_0_1_0.wav",
    index_folder: f"a file ending in {', '.join(AUDIO_SUFFIXES)}",
}
