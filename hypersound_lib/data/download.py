"""Download a public corpus so that its folder is there whole or not at all.

torchaudio's dataset classes know how each archive unpacks, but they take any folder of the right name for a whole
corpus and follow whatever path an archive entry names. So everything happens in a folder of its own beside the corpus:

    ROOT/.incoming-NAME/NAME.partial      bytes so far (see `hypersound_lib.data.fetch`)
    ROOT/.incoming-NAME/NAME              the archive: checksum verified, entries inspected
    ROOT/.incoming-NAME/FOLDER            being unpacked by torchaudio's class
    ROOT/FOLDER                           the corpus, put here by one rename: that it exists proves it whole
"""

import os
import shutil
import tarfile
import zipfile
import zlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path, PurePosixPath, PureWindowsPath

from filelock import FileLock

from hypersound_lib.data.fetch import fetch, require_space
from hypersound_lib.data.os_errors import explain_os_error, is_disk_full
from hypersound_lib.errors import DownloadError
from hypersound_lib.files import holding


@dataclass(frozen=True)
class Archive:
    """A public corpus as it is offered on the web."""

    url: str
    sha256: str
    size_bytes: int  # of the archive
    folder: str  # where it unpacks to, relative to the root
    unpack: Callable[[str], object]  # torchaudio's class with download=True: finds the archive in the root, unpacks it

    @property
    def filename(self) -> str:
        """The archive's file name, which is what torchaudio's class looks for."""
        return self.url.rsplit("/", 1)[-1]


def download_corpus(archive: Archive, root: Path) -> Path:
    """Fetch, verify, inspect and unpack a corpus below `root` unless it is there, and return its folder.

    `root` is made if need be. Processes that ask at the same time wait for the first.

    Raises:
        DownloadError: no connection, wrong checksum, an entry that leaves the folder, a damaged archive, no permission
            or a full disk. What was unpacked is removed; verified bytes are kept, so that trying again is cheap.
    """
    target = root / archive.folder
    incoming = root / f".incoming-{archive.filename}"
    try:
        root.mkdir(parents=True, exist_ok=True)
        with holding(FileLock(root / f".incoming-{archive.filename}.lock")):
            if not target.is_dir():
                incoming.mkdir(exist_ok=True)
                _download_into(archive, root, incoming, target)
            shutil.rmtree(incoming, ignore_errors=True)
    except OSError as error:
        raise DownloadError(explain_os_error(error, incoming)) from error
    return target


def _download_into(archive: Archive, root: Path, incoming: Path, target: Path) -> None:
    packed = incoming / archive.filename
    if not packed.exists():
        fetch(archive.url, packed, archive.sha256, archive.size_bytes)
    try:
        unpacked_bytes = inspect_archive(packed)
    except DownloadError:
        packed.unlink()
        raise
    require_space(root, unpacked_bytes, "unpacking")
    # Whatever lies here besides the archive is left from a killed run; torchaudio would take it for whole.
    _keep_only(packed)
    try:
        archive.unpack(str(incoming))
        target.parent.mkdir(parents=True, exist_ok=True)
        os.replace(incoming / archive.folder, target)
    except Exception as error:  # torchaudio, tarfile, zipfile and the file system each have their own
        if isinstance(error, OSError) and is_disk_full(error):
            raise
        raise DownloadError(
            f"{packed}: did not unpack as expected ({type(error).__name__}: {error}). Delete this file and try again."
        ) from error
    finally:
        _keep_only(packed)


def inspect_archive(path: Path) -> int:
    """Check a zip or tar archive's entries before unpacking and return their unpacked size in bytes.

    What is named .zip is taken as a zip and anything else as a tar, as torchaudio unpacks it: a file can be both.
    Python 3.11's tarfile follows absolute names, ``..`` and links out of the folder unless told otherwise, and
    torchaudio does not tell it. Speech corpora hold plain files and folders, so anything else is refused.

    Raises:
        DownloadError: an entry would leave the folder or is a link or device, or the archive is damaged.
    """
    total = 0
    try:
        for name, size, plain in _zip_entries(path) if path.suffix == ".zip" else _tar_entries(path):
            # A name is judged by both systems' rules, for C:\x is absolute on one and a plain name on the other.
            outside = any(kind(name).anchor or ".." in kind(name).parts for kind in (PurePosixPath, PureWindowsPath))
            if outside or not plain:
                reason = "leaves its folder" if outside else "is a link or device"
                raise DownloadError(
                    f"{path}: entry {name!r} {reason}, so nothing was unpacked. Do not trust this archive."
                )
            total += size
    except (tarfile.TarError, zipfile.BadZipFile, zlib.error, EOFError, OSError, ValueError) as error:
        raise DownloadError(f"{path}: is not a whole zip or tar archive ({error}). Download it again.") from error
    return total


def _zip_entries(path: Path) -> Iterator[tuple[str, int, bool]]:
    with zipfile.ZipFile(path) as archive:
        for entry in archive.infolist():
            kind = entry.external_attr >> 28  # the file type bits of the Unix mode; 0 where made elsewhere
            yield entry.filename, entry.file_size, kind in (0, 0o04, 0o10)


def _tar_entries(path: Path) -> Iterator[tuple[str, int, bool]]:
    with tarfile.open(path) as archive:
        for entry in archive:
            yield entry.name, entry.size, entry.isfile() or entry.isdir()


def _keep_only(packed: Path) -> None:
    for path in packed.parent.iterdir():
        if path.is_dir():
            shutil.rmtree(path)
        elif path != packed:
            path.unlink()
