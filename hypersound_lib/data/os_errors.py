"""What an operating-system error while writing means for a user, and names that other libraries can open."""

import errno
import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

# A quota (EDQUOT) and a file-size limit (EFBIG, `ulimit -f`) are the same obstacle as a full disk.
_DISK_FULL = {errno.ENOSPC, errno.EDQUOT, errno.EFBIG}
_FORBIDDEN = {errno.EACCES, errno.EPERM, errno.EROFS}


def is_disk_full(error: OSError) -> bool:
    """Tell whether `error` means that no more can be written, whoever set the limit.

    >>> is_disk_full(OSError(errno.ENOSPC, "No space left on device"))
    True
    """
    return error.errno in _DISK_FULL


def explain_os_error(error: OSError, path: str | os.PathLike) -> str:
    """Return a message that names `path`, the obstacle and the remedy.

    >>> print(explain_os_error(PermissionError(errno.EACCES, "Permission denied"), "/data/a.wav"))
    /data/a.wav: no permission to write in /data. Choose another folder or change its permissions.
    """
    path = Path(path)
    if is_disk_full(error):
        nearest = next(folder for folder in (path, *path.absolute().parents) if folder.is_dir())
        free_gb = shutil.disk_usage(nearest).free / 1e9
        return (
            f"{path}: the disk, quota or file-size limit is full ({error.strerror}; {free_gb:.2f} GB free). "
            "Free some space or choose a folder on another disk."
        )
    if error.errno in _FORBIDDEN:
        return f"{path}: no permission to write in {path.parent}. Choose another folder or change its permissions."
    if error.errno in {errno.ENOTDIR, errno.EEXIST}:
        return f"{path}: a file stands where a folder is needed ({error}). Choose another folder."
    return f"{path}: {error}. Check the path and the disk."


@contextmanager
def name_in_text(path: str | os.PathLike) -> Iterator[str]:
    """Yield a name for libraries that open nothing else: a file's own, unless it has bytes that are no text."""
    name = os.fspath(path)
    try:
        name.encode()
    except UnicodeEncodeError:  # only Linux has such names
        with open(path, "rb") as file:
            yield f"/dev/fd/{file.fileno()}"
    else:
        yield name
