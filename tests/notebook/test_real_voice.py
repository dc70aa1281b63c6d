"""A real voice arrives whole, once, or not at all; then a sentence says why, and nobody waits long."""

import hashlib
import threading
import time

import pytest

from hypersound_lib.notebook import real_voice as module
from tests.data.loopback import Server
from tests.data.miniatures import encode, tone


@pytest.fixture
def server(monkeypatch, tmp_path):
    """Serve a sound of 0.1 s on the loopback address in the recording's place."""
    content = encode(tone(1600, 16000))
    monkeypatch.delenv("HYPERSOUND_OFFLINE", raising=False)
    monkeypatch.setenv("HYPERSOUND_CACHE", str(tmp_path / "cache"))
    monkeypatch.setattr(module, "SHA256", hashlib.sha256(content).hexdigest())
    monkeypatch.setattr(module, "SIZE_BYTES", len(content))
    with Server(files={"voice.wav": content}).serving() as server:
        monkeypatch.setattr(module, "URL", f"{server.url}/voice.wav")
        yield server


def kept(folder) -> list[str]:
    return [path.name for path in folder.rglob("*") if path.is_file() and path.suffix != ".lock"]


def test_it_is_fetched_once_and_says_whose_it_is(server, tmp_path, monkeypatch):
    sound = module.real_voice()
    assert sound.sample_rate == 16000
    assert sound.recording.speaker == module.SPEAKER
    assert "public domain" in module.SPEAKER
    monkeypatch.setenv("HYPERSOUND_OFFLINE", "1")
    assert module.real_voice().waveform.equal(sound.waveform), "what is there needs no network"
    assert len(server.requests) == 1
    assert kept(tmp_path) == ["voice.wav"]


def no_server(monkeypatch, server):
    monkeypatch.setattr(module, "URL", "http://127.0.0.1:9/voice.wav")  # where nothing listens


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda monkeypatch, server: monkeypatch.setenv("HYPERSOUND_OFFLINE", "1"), "HYPERSOUND_OFFLINE is set"),
        (no_server, "no connection"),
        (lambda monkeypatch, server: server.files.clear(), "the server answered 404"),
        (lambda monkeypatch, server: monkeypatch.setattr(module, "SHA256", "0" * 64), "wrong checksum"),
    ],
    ids=["told so", "no connection", "moved", "another file"],
)
def test_without_it_there_is_a_sentence_and_none(server, tmp_path, monkeypatch, capsys, change, message):
    change(monkeypatch, server)
    assert module.real_voice() is None
    said = capsys.readouterr().out
    assert said.startswith("No real voice this time: ")
    assert message in said
    assert said.count("\n") == 1
    assert not kept(tmp_path)


def test_a_silent_server_is_left_to_itself(server, capsys):
    released = threading.Event()

    def answer(handler, start):
        released.wait(10)
        handler.close_connection = True

    server.answer = answer
    start = time.monotonic()
    assert module.real_voice(seconds=0.1) is None
    assert time.monotonic() - start < 5
    released.set()
    assert "did not arrive within 0.1 s" in capsys.readouterr().out
