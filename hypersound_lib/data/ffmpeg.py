"""Formats that libsndfile does not read, such as those of telephones and browsers: by ffmpeg, where it is installed."""

import mmap
import os
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from hypersound_lib.data.mpeg import behind_tags
from hypersound_lib.errors import AudioFileError

FOREIGN_SUFFIXES = (".m4a", ".mp4", ".3gp", ".aac", ".webm", ".mka", ".wma", ".amr")
_MAGIC = {  # where, and how, files of a format begin
    "MP4 or M4A": (4, b"ftyp"),
    "WebM or Matroska": (0, b"\x1aE\xdf\xa3"),
    "Windows Media (WMA)": (0, b"0&\xb2u\x8ef\xcf\x11"),
    "AMR": (0, b"#!AMR"),
}


def foreign_format(data: mmap.mmap) -> str | None:
    """Return the format's name of a file that only ffmpeg reads, by its first bytes; None for all others."""
    begin = behind_tags(data, 0)
    start = data[begin : begin + 12]
    if len(start) > 1 and start[0] == 0xFF and start[1] & 0xF6 == 0xF0:  # an MPEG frame of layer 0, which MP3 is not
        return "AAC"
    return next((name for name, (at, magic) in _MAGIC.items() if start[at:].startswith(magic)), None)


@contextmanager
def as_wav(path: Path, name: str) -> Iterator[str]:
    """Yield a temporary WAV of float32 with what ffmpeg decodes of a file's first sound; `name` is its format's.

    Raises:
        AudioFileError: there is no ffmpeg, or it finds fault with the file.
    """
    with tempfile.TemporaryDirectory() as folder:
        wav = Path(folder) / "decoded.wav"
        # As a file and by no other protocol, so that neither a name nor a playlist inside fetches anything.
        source = ["-protocol_whitelist", "file", "-i", f"file:{os.path.abspath(path)}"]
        target = ["-map", "0:a:0", "-c:a", "pcm_f32le", "-rf64", "auto", str(wav)]
        command = ["ffmpeg", "-nostdin", "-v", "error", "-xerror", *source, *target]
        try:
            done = subprocess.run(command, capture_output=True, check=False)
        except FileNotFoundError as error:
            raise AudioFileError(
                f"{path}: is {name}, which only ffmpeg reads. Install it (https://ffmpeg.org), or convert the file "
                f"elsewhere: ffmpeg -i {path} {path.stem}.flac"
            ) from error
        # It also complains of files whose end is missing, and writes what it has.
        complaints = done.stderr.decode(errors="replace").strip().splitlines()
        if done.returncode or complaints or not wav.is_file():
            reason = complaints[0] if complaints else f"exit code {done.returncode}"
            raise AudioFileError(f"{path}: ffmpeg finds fault with this {name} ({reason}). Copy or record it again.")
        yield str(wav)
