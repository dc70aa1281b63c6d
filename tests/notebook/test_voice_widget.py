"""The reader's own voice: what the widget makes of an uploaded file and of a recording. No browser."""

import base64
import io

import ipywidgets
import numpy as np
import pytest
import soundfile
import torch

from hypersound_lib.notebook import voice_widget
from hypersound_lib.notebook.voice_widget import _FIELD, _uploaded, recorder_html, voice_input

RATE = 8000


def sound_file(kind="WAV", seconds=1.0):
    buffer = io.BytesIO()
    soundfile.write(buffer, 0.5 * np.sin(np.arange(round(seconds * RATE)) / 5), RATE, format=kind)
    return buffer.getvalue()


@pytest.fixture(autouse=True)
def _half_a_second(monkeypatch):
    monkeypatch.setattr(voice_widget, "SECONDS", 0.5)


@pytest.fixture
def heard():
    return []


@pytest.fixture
def box(heard):
    def respond(waveform, sample_rate):
        heard.append((waveform, sample_rate))
        return f"<b>{len(waveform)}</b>"

    return voice_input(respond)


def parts(box):
    upload, recorded, answer, _ = box.children
    assert isinstance(upload, ipywidgets.FileUpload)
    return upload, recorded, answer


def test_a_recording_is_heard_and_answered(box, heard):
    _, recorded, answer = parts(box)
    recorded.value = base64.b64encode(sound_file()).decode()
    ((waveform, sample_rate),) = heard
    assert sample_rate == RATE
    expected = 0.5 * torch.sin(torch.arange(RATE // 2) / 5)  # cut to half a second
    assert torch.allclose(waveform, expected, atol=1e-3)
    assert answer.value == f"<b>{RATE // 2}</b>"


@pytest.mark.parametrize("kind", ["WAV", "FLAC", "OGG"])
def test_both_shapes_of_an_upload_are_the_same_file(kind):
    data = sound_file(kind)
    name = f"me.{kind.lower()}"
    seven = {name: {"metadata": {"name": name}, "content": data}}
    eight = ({"name": name, "content": memoryview(data)},)
    assert _uploaded(seven) == _uploaded(eight) == (name, data)


def test_an_upload_is_heard_and_what_is_no_sound_refused_in_words(box, heard):
    upload, recorded, answer = parts(box)
    recorded.value = base64.b64encode(b"<script>no sound</script>").decode()
    assert not heard
    assert answer.value.startswith("<p>")
    assert "<script>" not in answer.value
    content = sound_file("FLAC", seconds=0.25)
    entry = {"name": "me.flac", "type": "audio/flac", "size": len(content), "content": memoryview(content)}
    entry["last_modified"] = None
    upload.notify_change({"name": "value", "old": (), "new": (entry,), "type": "change", "owner": upload})
    assert len(heard[0][0]) == RATE // 4
    assert answer.value == f"<b>{RATE // 4}</b>"


def test_each_recorder_finds_its_own_button_and_the_field(box):
    pages = [recorder_html(), recorder_html()]
    names = [page.split('id="')[1].split('"')[0] for page in pages]
    assert names[0] != names[1]
    for name, page in zip(names, pages, strict=True):
        assert f'getElementById("{name}")' in page
        assert "1000 * 0.5" in page
        (field,) = parts(box)[1]._dom_classes
        assert f".{field} textarea" in page


@pytest.mark.parametrize("error", [ValueError("<b>no</b>"), ZeroDivisionError(), MemoryError("too long")])
def test_whatever_goes_wrong_is_shown(error):
    def respond(*_):
        raise error

    _, recorded, answer = parts(voice_input(respond))
    recorded.value = base64.b64encode(sound_file()).decode()
    assert answer.value.startswith(f"<p>{type(error).__name__}")
    assert "<b>" not in answer.value
    recorded.value = "abcde"
    assert answer.value.startswith("<p>Error: ")


@pytest.mark.slow
@pytest.mark.parametrize("kind", ["OGG", "FLAC", "WAV"])
def test_the_browser_decodes_a_file_to_what_the_kernel_reads(kind, browser, tmp_path):
    channels = np.stack([0.5 * np.sin(np.arange(2 * RATE) / 5), np.zeros(2 * RATE)], axis=1)
    soundfile.write(tmp_path / f"me.{kind.lower()}", channels, RATE)
    page = browser.new_page()
    page.set_content(f'{recorder_html()}<div class="{_FIELD}"><textarea></textarea></div>')
    page.set_input_files("input[type=file]", tmp_path / f"me.{kind.lower()}")
    page.wait_for_function("document.querySelector('textarea').value", timeout=20_000)
    read, rate = soundfile.read(io.BytesIO(base64.b64decode(page.input_value("textarea"))))
    assert len(read) == round(0.5 * rate)
    expected = 0.25 * np.sin(np.arange(len(read)) / rate * RATE / 5)
    assert np.abs(read - expected)[200:-200].max() < 0.01
    page.set_input_files("input[type=file]", __file__)
    page.wait_for_function("document.querySelector('span').textContent.startsWith('It could not be read')")
