"""Download a public corpus so that its folder is there whole or not at all.

Everything happens in a folder of its own beside the corpus:

    ROOT/.incoming-NAME/NAME.partial      bytes so far (see `hypersound_lib.data.fetch`)
    ROOT/.incoming-NAME/NAME              the archive: checksum verified
    ROOT/.incoming-NAME/unpacked          what has been unpacked of it
    ROOT/FOLDER                           the corpus, put here by one rename: that it exists proves it whole
"""

import os
import shutil
import tarfile
import zipfile
from pathlib import Path

from filelock import FileLock

from hypersound_lib.data.catalogue import Archive
from hypersound_lib.data.fetch import fetch
from hypersound_lib.errors import DownloadError
from hypersound_lib.files import explain_os_error, holding


def download_corpus(archive: Archive, root: Path) -> Path:
    """Fetch, verify and unpack a corpus below `root` unless it is there, and return its folder.

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
                _download_into(archive, incoming, target)
            shutil.rmtree(incoming, ignore_errors=True)
    except OSError as error:
        raise DownloadError(explain_os_error(error, incoming)) from error
    return target


def _download_into(archive: Archive, incoming: Path, target: Path) -> None:
    packed, unpacked = incoming / archive.filename, incoming / "unpacked"
    if not packed.exists():
        fetch(archive.url, packed, archive.sha256, archive.size_bytes)
    shutil.rmtree(unpacked, ignore_errors=True)  # which a killed run has left
    try:
        _unpack(packed, unpacked)
        if not (unpacked / archive.inside).is_dir():
            raise ValueError(f"it holds no folder {archive.inside}")
        target.parent.mkdir(parents=True, exist_ok=True)
        os.replace(unpacked / archive.inside, target)
    except Exception as error:  # tarfile, zipfile and zlib each have their own
        if isinstance(error, OSError) and error.errno is not None:  # of the disk, not of the archive
            raise
        raise DownloadError(
            f"{packed}: did not unpack as expected ({type(error).__name__}: {error}). Delete this file and try again."
        ) from error
    finally:
        shutil.rmtree(unpacked, ignore_errors=True)


def _unpack(packed: Path, folder: Path) -> None:
    """Unpack a .zip, or else a tar, into a folder, and nothing outside it: a file can be both, so the name decides.

    zipfile takes ``..``, drives and links for plain names and files. tarfile follows them before Python 3.11.4, and
    corpora hold plain files and folders, so anything else in a tar is refused.
    """
    home = folder.resolve()
    if packed.suffix == ".zip":
        with zipfile.ZipFile(packed) as zipped:
            zipped.extractall(home)
    else:
        with tarfile.open(packed) as tar:
            tar.extraction_filter = getattr(tarfile, "data_filter", None)  # Python 3.12 warns where there is none
            for entry in tar:
                outside = not (home / entry.name).resolve().is_relative_to(home)
                if outside or not (entry.isfile() or entry.isdir()):
                    raise ValueError(f"entry {entry.name!r} leaves the folder, or is a link or device")
                tar.extract(entry, home)
