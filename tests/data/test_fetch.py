"""Fetching over a real connection: resume, restart, verify, or fail leaving nothing that looks whole."""

import hashlib
import shutil
import time
from contextlib import suppress

import pytest

from hypersound_lib.data.fetch import fetch
from hypersound_lib.errors import DownloadError

from .loopback import send

CONTENT = bytes(range(256)) * 4096  # 1 MiB
SHA256 = hashlib.sha256(CONTENT).hexdigest()


@pytest.fixture
def get(server, tmp_path):
    server.files["corpus.zip"] = CONTENT

    def call(sha256: str = SHA256, name: str = "corpus.zip", **options):
        fetch(f"{server.url}/{name}", tmp_path / "corpus.zip", sha256, len(CONTENT), **options)

    return call


def assert_whole(folder):
    assert (folder / "corpus.zip").read_bytes() == CONTENT
    assert [path.name for path in folder.iterdir()] == ["corpus.zip"]


@pytest.mark.parametrize(
    ("change", "partial", "requests"),
    [
        ({}, None, [None]),
        ({"cuts": [300_000, 200_000]}, None, [None, "bytes=300000-", "bytes=500000-"]),
        ({"cuts": [300_000], "ranges": False}, None, [None, "bytes=300000-"]),
        ({}, b"old" * 1000, ["bytes=3000-", None]),
    ],
    ids=["at once", "resumed", "a server that cannot resume", "bytes of an older version"],
)
def test_a_download_asks_for_the_rest_shows_progress_and_leaves_one_file(
    get, server, tmp_path, capfd, change, partial, requests
):
    vars(server).update(change)
    if partial is not None:
        (tmp_path / "corpus.zip.partial").write_bytes(partial)
    get()
    assert_whole(tmp_path)
    assert server.requests == requests
    progress = capfd.readouterr().err
    assert "corpus.zip: 100%" in progress
    assert "1.05M/1.05M" in progress.splitlines()[-1], "where it starts anew, the bar does, too"


def test_a_line_that_stays_dead_is_reported_and_the_next_call_goes_on(get, server, tmp_path):
    server.cuts = [400_000, 0, 0, 0, 0]
    with pytest.raises(DownloadError, match=r"connection ended after 400000 of 1048576 bytes.*run the same again"):
        get()
    assert [path.name for path in tmp_path.iterdir()] == ["corpus.zip.partial"]
    server.cuts = []
    get()
    assert_whole(tmp_path)
    assert server.requests[-1] == "bytes=400000-"


@pytest.mark.parametrize(
    ("arguments", "change", "message"),
    [
        ({"sha256": "0" * 64}, {}, rf"corpus\.zip: wrong checksum \(SHA-256 {SHA256}, expected 0000"),
        ({"name": "gone.zip"}, {}, r"gone\.zip: the server answered 404 .*by hand"),
        ({}, {"files": {"corpus.zip": CONTENT + b"more"}}, "more than 1048576 bytes"),
        ({}, {"answer": lambda handler, start: handler.send_error(416)}, "the server answered 416"),  # out of range
    ],
)
def test_what_cannot_be_had_is_asked_for_once_and_nothing_is_kept(get, server, tmp_path, arguments, change, message):
    vars(server).update(change)
    with pytest.raises(DownloadError, match=message):
        get(**arguments)
    assert len(server.requests) == 1
    assert not any(tmp_path.iterdir())


@pytest.mark.parametrize("partial", [CONTENT, CONTENT + b"more"])
def test_a_partial_file_with_every_byte_needs_no_more(get, server, tmp_path, partial):
    (tmp_path / "corpus.zip.partial").write_bytes(partial)
    get()
    assert_whole(tmp_path)
    assert len(server.requests) == (1 if partial == CONTENT else 2)


def test_no_server_is_an_error_with_the_address(tmp_path, monkeypatch):
    monkeypatch.setattr("hypersound_lib.data.fetch._PAUSE_SECONDS", 0.0)
    with pytest.raises(DownloadError, match=r"http://127\.0\.0\.1:9/a\.zip: no connection .*check the connection"):
        fetch("http://127.0.0.1:9/a.zip", tmp_path / "a.zip", SHA256, 9)


def test_a_full_disk_is_named_and_its_space_given_back(get, tmp_path):
    partial = tmp_path / "corpus.zip.partial"
    try:
        partial.symlink_to("/dev/full")  # every write there fails with ENOSPC
        partial.stat()
    except OSError:
        pytest.skip("this system has no /dev/full")
    with pytest.raises(DownloadError, match=r"No space left on device.*Free some space"):
        get()
    assert not any(tmp_path.iterdir())


def test_too_small_a_disk_is_found_before_writing(get, server, tmp_path, monkeypatch):
    usage = shutil.disk_usage(tmp_path)
    monkeypatch.setattr(shutil, "disk_usage", lambda path: usage._replace(free=1_000_000))
    with pytest.raises(DownloadError, match=r"the download needs 0\.00 GB but the disk has 0\.00 GB free"):
        get()
    assert not any(tmp_path.iterdir())


@pytest.mark.parametrize("length", [None, "", "abc", "-5", "1e3", "9" * 5000])
def test_a_length_that_is_no_number_is_done_without(get, server, tmp_path, length):
    headers = {} if length is None else {"Content-Length": length}
    server.answer = lambda handler, start: send(handler, 200, headers, CONTENT)
    get()
    assert_whole(tmp_path)


def test_an_endless_body_is_read_to_the_size_of_the_file(get, server, tmp_path):
    sent = 0

    def endless(handler, start):
        nonlocal sent
        send(handler, 200, {})
        with suppress(OSError):  # the other side has gone
            while sent < 100 * len(CONTENT):
                sent += handler.wfile.write(CONTENT[::-1])

    server.answer = endless
    with pytest.raises(DownloadError, match="wrong checksum"):
        get()
    assert sent < 20 * len(CONTENT), "what lies in the sockets' buffers at most"
    assert not any(tmp_path.iterdir())


@pytest.mark.parametrize("ranges", [True, False])
def test_a_server_that_brings_next_to_nothing_is_given_up(get, server, tmp_path, monkeypatch, ranges):
    monkeypatch.setattr("hypersound_lib.data.fetch._LEAST_GAIN", 1000)
    server.ranges = ranges
    server.cuts = [1] * 100 if ranges else [2500, 500] * 50  # in turn
    with pytest.raises(DownloadError, match="the connection ended after"):
        get()
    assert len(server.requests) <= 6
    assert [path.name for path in tmp_path.iterdir()] == ["corpus.zip.partial"]


def trickle(handler, start):
    send(handler, 206 if start else 200, {"Content-Length": str(len(CONTENT) - start)})
    with suppress(OSError):  # the other side has gone
        for byte in CONTENT[start : start + 200]:
            handler.wfile.write(bytes([byte]))
            time.sleep(0.02)


def test_a_trickle_is_given_up(get, server, tmp_path, monkeypatch):
    monkeypatch.setattr("hypersound_lib.data.fetch._TIMEOUT_SECONDS", 0.3)
    server.answer = trickle
    with pytest.raises(DownloadError, match=r"fewer than 1000 bytes per second|timed out"):
        get(attempts=2)
    assert len(server.requests) == 2
    assert CONTENT.startswith((tmp_path / "corpus.zip.partial").read_bytes())
