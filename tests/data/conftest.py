"""A loopback web server, a full disk and a locked folder for the tests of `hypersound_lib.data`."""

import hashlib
import os
import resource
import tempfile
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

import pytest

from hypersound_lib.data import fetch as fetch_module
from hypersound_lib.data.catalogue import CORPORA

from .loopback import Server
from .miniatures import corpus_files, encode, pack, tone


@pytest.fixture
def server(monkeypatch):
    """Serve `server.files` on the loopback address, without pauses between attempts."""
    monkeypatch.setattr(fetch_module, "_PAUSE_SECONDS", 0.0)
    with Server().serving() as server:
        yield server


@pytest.fixture
def offer(server, monkeypatch):
    """Return a function that puts an archive on the loopback server in place of the public one."""

    def put(name: str, files: dict[str, bytes] | None = None, content: bytes | None = None, sha256: str | None = None):
        corpus = CORPORA[name]
        filename = corpus.archive.filename
        content = pack(corpus_files(name) if files is None else files, filename) if content is None else content
        server.files[filename] = content
        archive = replace(
            corpus.archive,
            url=f"{server.url}/{filename}",
            sha256=sha256 or hashlib.sha256(content).hexdigest(),
            size_bytes=len(content),
        )
        monkeypatch.setitem(CORPORA, name, replace(corpus, archive=archive))
        return archive

    return put


@pytest.fixture
def file_size_limit():
    """Return a context in which no file can grow past a size: the kernel refuses, as on a full disk."""

    @contextmanager
    def limit(num_bytes: int):
        soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
        resource.setrlimit(resource.RLIMIT_FSIZE, (num_bytes, hard))
        try:
            yield
        finally:
            resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))

    return limit


@pytest.fixture
def locked_folder():
    """Yield a folder in which this process may neither write nor read "secret.wav".

    Root, who may do anything, acts as "nobody" for the while.
    """
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        (folder / "secret.wav").write_bytes(encode(tone(440, 16000)))
        (folder / "secret.wav").chmod(0o000)
        folder.chmod(0o555)
        is_root = os.geteuid() == 0
        if is_root:
            os.seteuid(65534)
        try:
            if os.access(folder, os.W_OK, effective_ids=True):
                pytest.skip("this user may write anywhere")
            yield folder
        finally:
            if is_root:
                os.seteuid(0)
            folder.chmod(0o755)
