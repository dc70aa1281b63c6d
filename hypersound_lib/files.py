"""Files: where data lies, and atomic writing under a temporary name, so that a reader never meets half a file.

None is written over what it is made from, see `refuse_same`, nor by two processes at once, see `locked`. What the
operating system refuses is said with a remedy, see `explain_os_error`.
"""

import errno
import os
import secrets
import shutil
import tempfile
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from functools import cache
from itertools import combinations, product
from pathlib import Path

import platformdirs
from filelock import FileLock, Timeout

from hypersound_lib.errors import ConfigError

_PACKAGE = Path(__file__).resolve().parent
# A quota (EDQUOT) and a file-size limit (EFBIG, `ulimit -f`) are the same obstacle as a full disk.
_DISK_FULL = {errno.ENOSPC, errno.EDQUOT, errno.EFBIG}
_FORBIDDEN = {errno.EACCES, errno.EPERM, errno.EROFS}


@contextmanager
def atomic_path(path: str | os.PathLike) -> Iterator[Path]:
    """Yield a temporary path beside `path`; on success it replaces `path`, on any error it is removed.

    The temporary name keeps the suffix, because audio and image writers read the format from it. Parent
    folders are created.

    >>> import tempfile
    >>> target = Path(tempfile.mkdtemp()) / "note.txt"
    >>> with atomic_path(target) as temporary:
    ...     _ = temporary.write_text("whole")
    >>> target.read_text()
    'whole'
    """
    path = Path(path)
    path.parent.mkdir(parents=True, exist_ok=True)
    with naming(path):
        temporary = path.parent / f".{path.stem}-{secrets.token_hex(4)}{path.suffix}"
        temporary.touch(exist_ok=False)  # with the permissions of any new file
        try:
            yield temporary
            sync(temporary)
            os.replace(temporary, path)
        finally:
            temporary.unlink(missing_ok=True)


@contextmanager
def naming(path: str | os.PathLike) -> Iterator[None]:
    """Let an OSError inside that names a temporary file beside or in `path`, or no file, name `path`."""
    path = Path(path)
    try:
        yield
    except OSError as error:
        at = "." if error.filename is None else os.path.relpath(os.fsdecode(error.filename), path.parent)
        at = at.removeprefix(path.name + os.sep)
        if error.errno is None or not at.startswith(".") or at.startswith(".."):
            raise
        raise OSError(error.errno, error.strerror, str(path)) from error


@contextmanager
def staging_folder(target: Path) -> Iterator[Path]:
    """Yield a temporary folder, to be renamed or emptied; what is left of it is removed.

    It lies beside `target`, or in it where that is a folder already, which may be another disk. Parent folders are
    created. An OSError names `target`.
    """
    place = target if target.is_dir() else target.parent
    place.mkdir(parents=True, exist_ok=True)
    with naming(target):
        staging = Path(tempfile.mkdtemp(dir=place, prefix=f".writing-{target.name}-"))
        try:
            yield staging
        finally:
            shutil.rmtree(staging, ignore_errors=True)


@contextmanager
def locked(folder: Path) -> Iterator[None]:
    """Keep a folder to this thread, which may ask again; it is made where it is missing. A killed process frees it.

    Raises:
        ConfigError: another process or thread works in it.
    """
    folder.mkdir(parents=True, exist_ok=True)
    try:
        with holding(_lock(folder.resolve() / ".lock"), timeout=0):
            yield
    except Timeout as error:
        raise ConfigError(
            f"{folder} is in use by another process: wait for its end, or choose another folder"
        ) from error


@contextmanager
def holding(lock: FileLock, timeout: float = -1) -> Iterator[None]:
    """Hold a lock, for which to wait so many seconds, or forever; go on without it where the file system has none.

    Raises:
        Timeout: another has it for so long.
    """
    try:
        lock.acquire(timeout=timeout)
    except NotImplementedError:  # such as some that come over a network
        yield
        return
    try:
        yield
    finally:
        lock.release()


@cache
def _lock(path: Path) -> FileLock:
    return FileLock(path)  # counts how often a thread has it, and so must be the same object


def write_synced(path: Path, content: bytes) -> None:
    """Write a file and have its bytes on the disk itself: some file systems find only then that it is full."""
    path.write_bytes(content)
    sync(path)


def sync(path: Path) -> None:
    """Wait until a file's bytes are on the disk itself."""
    with open(path, "r+b") as file:
        os.fsync(file.fileno())


def refuse_same(inputs: Iterable[str | os.PathLike], outputs: Iterable[str | os.PathLike]) -> None:
    """Refuse to write over an input, or two outputs into one file, by whatever names: links and relative paths, too.

    Raises:
        ConfigError: two of them are one file.
    """
    outputs = [Path(path) for path in outputs]
    for source, target in [*product(map(Path, inputs), outputs), *combinations(outputs, 2)]:
        if _is_same(source, target):
            raise ConfigError(f"{target} is the same file as {source}: choose another name for the output")


def _is_same(one: Path, other: Path) -> bool:
    try:
        return os.path.samefile(one, other)  # hard links, too
    except OSError:  # at least one is not there yet
        return os.path.realpath(one) == os.path.realpath(other)


def shortest_tails(paths: Sequence[tuple[str, ...]]) -> list[str]:
    """Return the last names of paths, given as their parts, with as many folders before them as tell them apart.

    >>> shortest_tails([("runs", "a", "best"), ("runs", "b", "best")])
    ['a/best', 'b/best']
    """
    depth = 1
    while len({parts[-depth:] for parts in paths}) < len(set(paths)):
        depth += 1
    return ["/".join(parts[-depth:]) for parts in paths]


def embedded_data(name: str = "") -> Path:
    """Return the folder of data that ships with the library, or a folder or file inside it by its name.

    A clone keeps it in ``data/`` beside the package, a wheel carries a copy inside the package.

    Raises:
        FileNotFoundError: neither place holds it, which means that the installation is damaged.

    >>> embedded_data("mini").name
    'mini'
    """
    candidates = [_PACKAGE / "_data" / name, _PACKAGE.parent / "data" / name]
    for candidate in candidates:
        if candidate.exists():
            return candidate
    raise FileNotFoundError(f"embedded data {name!r} is in none of {candidates}; reinstall hypersound-lib")


def cache_dir() -> Path:
    """Return the folder for downloads: ``$HYPERSOUND_CACHE`` if set, else the user's cache folder."""
    override = os.environ.get("HYPERSOUND_CACHE")
    return Path(override) if override else Path(platformdirs.user_cache_dir("hypersound_lib", appauthor=False))


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
