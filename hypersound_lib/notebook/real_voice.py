"""A real voice for readers who are online: one recording in the public domain, fetched once and kept."""

import os
from pathlib import Path
from threading import Thread

from filelock import FileLock

from hypersound_lib.data.audio import load_audio
from hypersound_lib.data.corpora import Sound
from hypersound_lib.data.fetch import fetch
from hypersound_lib.data.layouts import Recording
from hypersound_lib.errors import DownloadError
from hypersound_lib.files import cache_dir, holding

# 11 s of the inaugural address of 20 January 1961, at 16 kHz: the work of an official of the United States, and so in
# the public domain. The National Archives keep the recording; the address below names one state of a repository for
# good. No shipped model was trained on this speaker.
URL = "https://raw.githubusercontent.com/ggml-org/whisper.cpp/b0a11594aec50892a02cd8d129eee2dfe93a8bb8/samples/jfk.wav"
SHA256 = "59dfb9a4acb36fe2a2affc14bacbee2920ff435cb13cc314a08c13f66ba7860e"
SIZE_BYTES = 352_078
SPEAKER = "John F. Kennedy, 1961, public domain"
TRANSCRIPT = (
    "And so, my fellow Americans, ask not what your country can do for you, ask what you can do for your country."
)


def real_voice(seconds: float = 5.0) -> Sound | None:
    """Return a recording of a real voice, or print a sentence that says why there is none, and return None.

    It is fetched at the first call, and read from ``cache_dir()`` from then on. What takes longer than `seconds` goes
    on beside the program, for the next call. Where the variable ``HYPERSOUND_OFFLINE`` is set, nothing is fetched.

    Raises:
        AudioFileError: the file that was kept has been damaged since.
    """
    path = cache_dir() / "voices" / URL.rpartition("/")[2]
    problem = "" if path.is_file() else _fetch(path, seconds)
    if problem:
        print(f"No real voice this time: {problem}.")
        return None
    return Sound(*load_audio(path), Recording(path, SPEAKER, TRANSCRIPT))


def _fetch(path: Path, seconds: float) -> str:
    """Fetch the recording for at most so long; return what went wrong, or nothing."""
    if os.environ.get("HYPERSOUND_OFFLINE"):
        return "HYPERSOUND_OFFLINE is set"
    problems = [f"it did not arrive within {seconds:g} s"]

    def run() -> None:
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            with holding(FileLock(path.with_suffix(".lock"))):
                if not path.is_file():
                    fetch(URL, path, SHA256, SIZE_BYTES, attempts=1)
            problems[:] = [""]
        except (DownloadError, OSError) as error:
            problems[:] = [str(error).partition(". ")[0]]

    # A thread, as looking up the server's address alone may take a minute, and has no limit that can be set.
    thread = Thread(target=run, daemon=True)
    thread.start()
    thread.join(seconds)
    return problems[0]
