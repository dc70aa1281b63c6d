"""Fetch one file over HTTP: progress, resuming after a cut, and a checksum, all or nothing."""

import hashlib
import http.client
import os
import shutil
import socket
import threading
import time
from pathlib import Path
from typing import BinaryIO
from urllib.error import HTTPError, URLError
from urllib.request import HTTPHandler, HTTPSHandler, Request, build_opener

from hypersound_lib.data.os_errors import explain_os_error, is_disk_full
from hypersound_lib.errors import DownloadError
from hypersound_lib.progress import progress_bar

_CHUNK_BYTES = 1 << 20
_TIMEOUT_SECONDS = 60
_LEAST_SPEED = 1000  # bytes per second, over as long as the timeout
_ATTEMPTS = 4
_LEAST_GAIN = 1 << 20  # bytes, with which an attempt was worth it
_PAUSE_SECONDS = 2.0


class _CutError(Exception):
    """The connection ended or broke before the whole file was there."""


class _TimedAnswer(http.client.HTTPConnection):
    """A connection whose server has the timeout for all of its headers together, not for each part of them anew."""

    def getresponse(self) -> http.client.HTTPResponse:
        timer = threading.Timer(_TIMEOUT_SECONDS, self.sock.shutdown, [socket.SHUT_RDWR])
        timer.daemon = True
        timer.start()
        try:
            return super().getresponse()
        finally:
            timer.cancel()


class _TimedHTTPS(_TimedAnswer, http.client.HTTPSConnection):
    pass


class _TimedHandler(HTTPHandler, HTTPSHandler):
    def http_open(self, request: Request) -> http.client.HTTPResponse:
        return self.do_open(_TimedAnswer, request)

    def https_open(self, request: Request) -> http.client.HTTPResponse:
        return self.do_open(_TimedHTTPS, request)


def fetch(url: str, destination: Path, sha256: str, size_bytes: int) -> None:
    """Download `url` to `destination`, in a folder that exists, and verify its SHA-256, given in hexadecimal.

    Bytes arrive in ``destination.partial``. After a cut the next attempt, in this call or in a later one, asks the
    server for the rest only and starts anew where it cannot. `destination` appears by a rename, after the checksum of
    the whole has been found right. More than `size_bytes`, the size of the whole, is never written.

    Raises:
        DownloadError: the server refuses, stays silent or is too slow, the size or the checksum is wrong, or the disk
            is full. Where the line alone is at fault the partial file is kept, to resume from; else it is removed.
    """
    partial = destination.with_name(destination.name + ".partial")
    try:
        resumed = partial.is_file() and partial.stat().st_size > 0
        _transfer(url, partial, size_bytes)
        if resumed and _sha256(partial) != sha256:
            # The old bytes may be from another version of the file: one fresh start tells.
            partial.unlink()
            _transfer(url, partial, size_bytes)
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


def require_space(folder: Path, needed_bytes: int, purpose: str) -> None:
    """Refuse before anything is written what the disk cannot hold.

    Raises:
        DownloadError: fewer than `needed_bytes` are free where `folder` lies.
    """
    free = shutil.disk_usage(folder).free
    if free < needed_bytes:
        raise DownloadError(
            f"{folder}: {purpose} needs {needed_bytes / 1e9:.2f} GB but the disk has {free / 1e9:.2f} GB free. "
            "Free some space or choose a folder on another disk (the root argument or $HYPERSOUND_CACHE)."
        )


def _transfer(url: str, partial: Path, size_bytes: int) -> None:
    """Fill `partial` in as many attempts as it takes, up to _ATTEMPTS that bring next to nothing."""
    failures, furthest = 0, _size(partial)
    while True:
        try:
            return _append(url, partial, size_bytes)
        except _CutError as cut:
            # A slow line that drops every few minutes still arrives: only fruitless attempts count. Where the server
            # starts anew each time, an attempt has to come further than all before it.
            gain = _size(partial) - furthest
            failures = 1 if gain >= _LEAST_GAIN else failures + 1
            if gain >= _LEAST_GAIN:
                furthest += gain
            if failures >= _ATTEMPTS:
                raise DownloadError(
                    f"{url}: {cut}. {_size(partial) / 1e9:.2f} GB are kept in {partial}; check the connection and "
                    "run the same again to go on from there."
                ) from cut
            time.sleep(_PAUSE_SECONDS)


def _append(url: str, partial: Path, size_bytes: int) -> None:
    """Make one request for the bytes that `partial` lacks and write them.

    Raises:
        _CutError: the network failed.
        DownloadError: the server refused for good, or has more than `size_bytes`.
        OSError: the disk failed.
    """
    have = _size(partial)
    headers = {"User-Agent": "hypersound-lib"} | ({"Range": f"bytes={have}-"} if have else {})
    try:
        opener = build_opener(_TimedHandler)
        response = opener.open(Request(url, headers=headers), timeout=_TIMEOUT_SECONDS)
    except HTTPError as error:
        if have and error.code == http.client.REQUESTED_RANGE_NOT_SATISFIABLE:
            return  # nothing lies past what we have; the checksum decides whether that is the file
        if error.code >= 500:
            raise _CutError(f"the server answered {error.code} {error.reason}") from error
        raise DownloadError(
            f"{url}: the server answered {error.code} {error.reason}. The corpus may have moved: look for it on the "
            "web and unpack it by hand."
        ) from error
    except (URLError, http.client.HTTPException, OSError, ValueError) as error:
        raise _CutError(f"no connection ({getattr(error, 'reason', error)})") from error
    with response:
        goes_on = response.status == http.client.PARTIAL_CONTENT
        have = have if goes_on else 0
        left = size_bytes - have if response.length is None else response.length  # also None: no number was given
        _refuse_larger(url, partial, have + left, size_bytes)
        require_space(partial.parent, left, "the download")
        most = left + (response.length is None)  # one byte more would show that the file is larger
        with open(partial, "ab" if goes_on else "wb") as file:
            received = _copy(response, file, partial.name, have, left, most)
    _refuse_larger(url, partial, have + received, size_bytes)
    # http.client takes a closed connection for the end of the file; only the promised length tells.
    if received < left:
        raise _CutError(f"the connection ended after {have + received} of {have + left} bytes")


def _refuse_larger(url: str, partial: Path, size: int, size_bytes: int) -> None:
    if size > size_bytes:
        partial.unlink(missing_ok=True)
        raise DownloadError(
            f"{url}: more than {size_bytes} bytes, which the whole has; what there was of it was removed. The server's "
            "file has changed and must not be trusted."
        )


def _copy(response: http.client.HTTPResponse, file: BinaryIO, name: str, have: int, left: int, most: int) -> int:
    """Write what the server sends, at most so many bytes, and return how many there were."""
    received, since, counted = 0, time.monotonic(), 0
    with progress_bar(
        total=have + left, initial=have, unit="B", unit_scale=True, desc=name.removesuffix(".partial")
    ) as bar:
        while received < most:
            try:
                # One block of the network at a time: a whole one of ours could take a slow server days.
                block = response.read1(min(_CHUNK_BYTES, most - received))
            except (http.client.HTTPException, OSError, ValueError) as error:
                raise _CutError(f"the connection broke ({error})") from error
            if not block:
                break
            file.write(block)
            received += len(block)
            bar.update(len(block))
            if (waited := time.monotonic() - since) >= _TIMEOUT_SECONDS:
                if received - counted < _LEAST_SPEED * waited:
                    raise _CutError(f"fewer than {_LEAST_SPEED} bytes per second arrived")
                since, counted = time.monotonic(), received
    return received


def _size(path: Path) -> int:
    return path.stat().st_size if path.exists() else 0


def _sha256(path: Path) -> str:
    with open(path, "rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
