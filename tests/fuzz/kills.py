"""Trainings that are killed and downloads that are cut, at moments drawn by chance: the end is what it would have been.

Trainings run in processes that are forked after torch was imported, so that most kills fall into the training.
"""

import hashlib
import os
import random
import shutil
import signal
import sys
import time
import traceback
from contextlib import ExitStack
from functools import partial
from http.server import BaseHTTPRequestHandler
from pathlib import Path

import torch
from safetensors.torch import load_file

from hypersound_lib.data import fetch as fetch_module
from hypersound_lib.errors import DownloadError
from tests.data.loopback import Server, send
from tests.fuzz.judge import Try
from tests.training.tiny import are_equal, run_training

STEPS, EVERY = 48, 8  # of a training, and between its checkpoints
SECONDS = 60.0  # that a training may take


def prepare_trainings(folder: Path) -> Try:
    """Return what kills a training up to three times, and lets it end."""
    start = time.perf_counter()
    assert os.waitstatus_to_exitcode(os.waitpid(_training(folder / "whole", False), 0)[1]) == 0
    seconds, expected = time.perf_counter() - start, _last(folder / "whole")

    def attempt(generator: random.Random) -> str:
        out, kills = folder / "run", 0
        shutil.rmtree(out, ignore_errors=True)
        for _ in range(generator.randint(1, 3)):
            child = _training(out, out.exists())
            time.sleep(generator.uniform(0, seconds))
            os.kill(child, signal.SIGKILL)
            kills += os.waitpid(child, 0)[1] == signal.SIGKILL
        status = os.waitstatus_to_exitcode(os.waitpid(_training(out, out.exists()), 0)[1])
        assert status == 0, f"after {kills} kills the training did not go on"
        found = _last(out)
        for file, tensors in expected.items():
            assert are_equal(found[file], tensors), f"{file} differs"
        return f"{kills} kills survived, bit for bit"

    return attempt


def _training(out: Path, resume: bool) -> int:
    """Train in a new process, and return its number."""
    sys.stderr.flush()
    child = os.fork()
    if child:
        return child
    status = 1
    try:
        torch.set_num_threads(1)
        signal.setitimer(signal.ITIMER_REAL, SECONDS)
        # What was killed before its first checkpoint starts anew, in an empty folder.
        resume = resume and any((out / "checkpoints").glob("step-*"))
        if not resume:
            shutil.rmtree(out, ignore_errors=True)
        run_training(out, resume=resume, steps=STEPS, checkpoint_every=EVERY, validate_every=EVERY)
        status = 0
    except BaseException:
        traceback.print_exc()
    finally:
        os._exit(status)


def _last(out: Path) -> dict:
    place = out / "checkpoints" / f"step-{STEPS:08d}"
    return {file: load_file(place / file) for file in ("model.safetensors", "training.safetensors")}


def prepare_downloads(folder: Path) -> Try:
    """Return what fetches a file from a server that cuts, lies about lengths, or has another file."""
    fetch_module._PAUSE_SECONDS = 0.0
    content = random.Random(0).randbytes(300_000)
    digest = hashlib.sha256(content).hexdigest()
    server = ExitStack().enter_context(Server(files={"file.bin": content}).serving())  # until the process ends

    def attempt(generator: random.Random) -> str:
        for old in folder.iterdir():
            old.unlink()
        server.answer, server.requests = partial(_misbehave, content, generator), []
        target = folder / "file.bin"
        cut = 0
        while True:  # each call goes on from where the last one was cut
            try:
                fetch_module.fetch(f"{server.url}/file.bin", target, digest, len(content))
                break
            except DownloadError:
                assert not target.exists(), "a file that is not whole has the whole one's name"
                cut += 1
                if cut == 4:
                    raise
        assert target.read_bytes() == content, "not what the server has"
        assert [path.name for path in folder.iterdir()] == ["file.bin"], "something is left beside it"
        return "cuts survived" if len(server.requests) > 1 else "fetched"

    return attempt


def _misbehave(content: bytes, chance: random.Random, handler: BaseHTTPRequestHandler, start: int) -> None:
    start = start if chance.random() < 0.8 else 0
    body = content[start:]
    if chance.random() < 0.05:
        return handler.send_error(chance.choice([404, 416, 500, 503]))
    if chance.random() < 0.05:
        body = chance.randbytes(len(body))
    length = str(len(body)) if chance.random() < 0.9 else chance.choice(["abc", "-1", "0", "9" * 30, ""])
    headers = {"Content-Length": length, "Content-Range": f"bytes {start}-{len(content) - 1}/{len(content)}"}
    sent = body[: chance.randrange(len(body) + 1)] if chance.random() < 0.6 else body
    send(handler, 206 if start else 200, headers, sent)
