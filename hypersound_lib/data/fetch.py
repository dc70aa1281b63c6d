"""Fetch one file over HTTP: progress, resuming after a cut, and a checksum, all or nothing."""

import hashlib
import http.client
import os
import shutil
import time
from pathlib import Path
from typing import BinaryIO
from urllib.error import HTTPError
from urllib.request import Request, urlopen

from hypersound_lib.errors import DownloadError
from hypersound_lib.files import explain_os_error, is_disk_full
from hypersound_lib.progress import progress_bar

_CHUNK_BYTES = 1 << 20
_TIMEOUT_SECONDS = 60
_LEAST_SPEED = 1000  # bytes per second, over as long as the timeout
_LEAST_GAIN = 1 << 20  # bytes, with which an attempt was worth it
_PAUSE_SECONDS = 2.0


class _CutError(Exception):
    """The connection ended or broke before the whole file was there."""


def fetch(url: str, destination: Path, sha256: str, size_bytes: int, attempts: int = 4) -> None:
    """Download `url` to `destination`, in a folder that exists, and verify its SHA-256, given in hexadecimal.

    Bytes arrive in ``destination.partial``. After a cut the next attempt, in this call or in a later one, asks the
    server for the rest only and starts anew where it cannot. `destination` appears by a rename, after the checksum of
    the whole has been found right. More than `size_bytes`, the size of the whole, is never read.
    It gives up after so many `attempts` that bring next to nothing.

    Raises:
        DownloadError: the server refuses, stays silent or is too slow, the size or the checksum is wrong, or the disk
            is full. Where the line alone is at fault the partial file is kept, to resume from; else it is removed.
    """
    partial = destination.with_name(destination.name + ".partial")
    try:
        resumed = _size(partial) > 0
        _transfer(url, partial, size_bytes, attempts)
        if resumed and _sha256(partial) != sha256:
            # The old bytes may be from another version of the file: one fresh start tells.
            partial.unlink()
            _transfer(url, partial, size_bytes, attempts)
        found = _sha256(partial)
        if found != sha256:
            partial.unlink()
            raise DownloadError(
                f"{url}: wrong checksum (SHA-256 {found}, expected {sha256}); the file was removed. Try again; if it "
                "fails again, the server's file has changed and must not be trusted."
            )
        os.replace(partial, destination)
    except OSError as error:
        if is_disk_full(error):
            partial.unlink(missing_ok=True)
        raise DownloadError(explain_os_error(error, destination)) from error


def _transfer(url: str, partial: Path, size_bytes: int, attempts: int) -> None:
    """Fill `partial` in as many attempts as it takes, up to `attempts` that bring next to nothing."""
    failures, furthest = 0, _size(partial)
    while True:
        try:
            return _append(url, partial, size_bytes)
        except _CutError as cut:
            # A slow line that drops every few minutes still arrives: only fruitless attempts count. Where the server
            # starts anew each time, an attempt has to come further than all before it.
            failures += 1
            if _size(partial) >= furthest + _LEAST_GAIN:
                failures, furthest = 1, _size(partial)
            if failures >= attempts:
                raise DownloadError(
                    f"{url}: {cut}. {_size(partial) / 1e9:.2f} GB are kept in {partial}; check the connection and "
                    "run the same again to go on from there."
                ) from cut
            time.sleep(_PAUSE_SECONDS)


def _append(url: str, partial: Path, size_bytes: int) -> None:
    """Make one request for the bytes that `partial` lacks and write them.

    Raises:
        _CutError: the network failed.
        DownloadError: the server refused for good, or says that it has more than `size_bytes`.
        OSError: the disk failed.
    """
    have = _size(partial)
    headers = {"User-Agent": "hypersound-lib"} | ({"Range": f"bytes={have}-"} if have else {})
    try:
        response = urlopen(Request(url, headers=headers), timeout=_TIMEOUT_SECONDS)
    except HTTPError as error:
        if have and error.code == http.client.REQUESTED_RANGE_NOT_SATISFIABLE:
            return  # nothing lies past what we have; the checksum decides whether that is the file
        if error.code >= 500:
            raise _CutError(f"the server answered {error.code} {error.reason}") from error
        raise DownloadError(
            f"{url}: the server answered {error.code} {error.reason}. The corpus may have moved: look for it on the "
            "web and unpack it by hand."
        ) from error
    except (http.client.HTTPException, OSError, ValueError) as error:
        raise _CutError(f"no connection ({getattr(error, 'reason', error)})") from error
    with response:
        have = have if response.status == http.client.PARTIAL_CONTENT else 0
        left = size_bytes - have if response.length is None else response.length  # also None: no number was given
        if have + left > size_bytes:
            partial.unlink(missing_ok=True)
            raise DownloadError(
                f"{url}: more than {size_bytes} bytes, which the whole has; what there was of it was removed. The "
                "server's file has changed and must not be trusted."
            )
        free = shutil.disk_usage(partial.parent).free
        if free < left:
            raise DownloadError(
                f"{partial.parent}: the download needs {left / 1e9:.2f} GB but the disk has {free / 1e9:.2f} GB free. "
                "Free some space or choose a folder on another disk (the root argument or $HYPERSOUND_CACHE)."
            )
        with open(partial, "ab" if have else "wb") as file:
            _copy(response, file, have, left)


def _copy(response: http.client.HTTPResponse, file: BinaryIO, have: int, left: int) -> None:
    """Write the `left` bytes that the server sends behind those that the file has."""
    received, since, counted = 0, time.monotonic(), 0
    with progress_bar(total=have + left, initial=have, unit="B", unit_scale=True, desc=Path(file.name).stem) as bar:
        while received < left:
            try:
                # One block of the network at a time: a whole one of ours could take a slow server days.
                block = response.read1(min(_CHUNK_BYTES, left - received))
            except (http.client.HTTPException, OSError, ValueError) as error:
                raise _CutError(f"the connection broke ({error})") from error
            if not block:  # which http.client takes for the end of the file; only the promised length tells
                raise _CutError(f"the connection ended after {have + received} of {have + left} bytes")
            file.write(block)
            received += len(block)
            bar.update(len(block))
            if (waited := time.monotonic() - since) >= _TIMEOUT_SECONDS:
                if received - counted < _LEAST_SPEED * waited:
                    raise _CutError(f"fewer than {_LEAST_SPEED} bytes per second arrived")
                since, counted = time.monotonic(), received


def _size(path: Path) -> int:
    return path.stat().st_size if path.exists() else 0


def _sha256(path: Path) -> str:
    with open(path, "rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
