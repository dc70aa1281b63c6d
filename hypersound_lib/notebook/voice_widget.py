"""The reader's own voice in a notebook: a sound file, or the microphone where the browser gives one.

Core ipywidgets only, in what versions 7 (Colab) and 8 (JupyterLab) share. Browsers record in formats that differ and
that libsndfile mostly cannot read. So the page itself decodes what it has recorded, or a file of such a format, packs
it as a WAV, and types it, as base64, into a text field that nobody sees: a widget, whose value the kernel is told. The
same WAV can be saved and uploaded, should that way be closed.
"""

import base64
import html
import tempfile
import uuid
from collections.abc import Callable, Mapping
from pathlib import Path, PurePath
from typing import Any

from torch import Tensor

from hypersound_lib.data import load_audio
from hypersound_lib.errors import HyperSoundError
from hypersound_lib.notebook.widgets import scripts_widget

_FIELD = "hypersound-recording"  # the CSS class of the text field


def voice_input(respond: Callable[[Tensor, int], str], seconds: float = 10.0) -> Any:
    """Return an `ipywidgets.VBox` that takes a sound file, or what `recorder_html` records, and shows the answer.

    Where no kernel runs, a notebook shows nothing of a widget.

    Args:
        respond: from a waveform `(T,)` and its rate in Hz to HTML.
        seconds: what is beyond is left out.
    """
    import ipywidgets

    upload = ipywidgets.FileUpload(accept="audio/*", multiple=False, description="A sound file")
    recorded = ipywidgets.Textarea(layout=ipywidgets.Layout(display="none"))
    recorded.add_class(_FIELD)
    answer = ipywidgets.HTML()

    def answer_to(read: Callable[[Any], tuple[str, bytes]], given: Any) -> None:
        if not given:
            return
        answer.value = "Listening …"
        try:
            waveform, sample_rate = _decode(*read(given))
            answer.value = respond(waveform[: round(seconds * sample_rate)], sample_rate)
        except HyperSoundError as error:
            answer.value = f"<p>{html.escape(str(error))}</p>"
        except Exception as error:  # of `respond`, or of bytes that are none: a notebook shows it nowhere else
            answer.value = f"<p>{html.escape(f'{type(error).__name__}: {error}')}</p>"

    upload.observe(lambda change: answer_to(_uploaded, change["new"]), names="value")
    recorded.observe(
        lambda change: answer_to(lambda text: ("voice.wav", base64.b64decode(text)), change["new"]), names="value"
    )
    return ipywidgets.VBox([upload, recorded, answer, scripts_widget()])


def recorder_html(seconds: float = 10.0) -> str:
    """Return what gives sound to a `voice_input` on the same page: a button that records, and one for a file.

    The file may be of any format that the browser plays, such as M4A and WebM. Up to so many seconds are taken of
    either. Where there is no microphone, it says so and does nothing.
    """
    name = f"hypersound-{uuid.uuid4().hex}"
    script = _SCRIPT.replace("NAME", name).replace("FIELD", _FIELD).replace("SECONDS", f"{seconds:g}")
    return (
        f'<div id="{name}"><button type="button">Record my voice</button> <span aria-live="polite"></span> '
        f'<a download="voice.wav" hidden>save it as a file</a><br><label>or a file that the browser can play, such as '
        f'M4A: <input type="file" accept="audio/*,video/*"></label></div><script>{script}</script>'
    )


def _uploaded(value: Any) -> tuple[str, bytes]:
    """Return name and content of what a FileUpload holds: `{name: entry}` in ipywidgets 7, `(entry,)` in 8."""
    (entry,) = value.values() if isinstance(value, Mapping) else value
    return entry.get("name") or entry["metadata"]["name"], bytes(entry["content"])


def _decode(name: str, data: bytes) -> tuple[Tensor, int]:
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / f"voice{PurePath(name).suffix}"
        path.write_bytes(data)
        return load_audio(path)


_SCRIPT = """
(() => {
  const box = document.getElementById("NAME");
  const [button, status, link] = box.children, chosen = box.querySelector("input");
  let recorder = null;
  const say = text => { status.textContent = text; };

  function wav(samples, rate) {  // Float32Array -> bytes of a mono 16-bit WAV
    const view = new DataView(new ArrayBuffer(44 + 2 * samples.length));
    const text = (at, word) => [...word].forEach((c, i) => view.setUint8(at + i, c.charCodeAt(0)));
    text(0, "RIFF"); view.setUint32(4, 36 + 2 * samples.length, true); text(8, "WAVEfmt ");
    view.setUint32(16, 16, true); view.setUint16(20, 1, true); view.setUint16(22, 1, true);
    view.setUint32(24, rate, true); view.setUint32(28, 2 * rate, true);
    view.setUint16(32, 2, true); view.setUint16(34, 16, true);
    text(36, "data"); view.setUint32(40, 2 * samples.length, true);
    samples.forEach((x, i) => view.setInt16(44 + 2 * i, Math.round(32767 * Math.max(-1, Math.min(1, x))), true));
    return new Blob([view.buffer], {type: "audio/wav"});
  }

  async function decode_and_give(recording) {
    const sound = await new OfflineAudioContext(1, 1, 44100).decodeAudioData(await recording.arrayBuffer());
    const samples = new Float32Array(Math.min(sound.length, Math.ceil(SECONDS * sound.sampleRate)));
    for (let c = 0; c < sound.numberOfChannels; c++)  // their mean, as load_audio has it
      sound.getChannelData(c).subarray(0, samples.length).forEach((x, i) => samples[i] += x / sound.numberOfChannels);
    const file = wav(samples, sound.sampleRate);
    link.href = URL.createObjectURL(file);
    link.hidden = false;
    const reader = new FileReader();
    reader.onload = () => {
      const field = [...document.querySelectorAll(".FIELD textarea, textarea.FIELD")].pop();
      if (!field) { say("Decoded. No kernel listens here: save it, and upload it where one does."); return; }
      field.value = reader.result.split(",")[1];
      for (const name of ["input", "change"]) field.dispatchEvent(new Event(name, {bubbles: true}));
      say((samples.length / sound.sampleRate).toFixed(1) + " s taken.");
    };
    reader.readAsDataURL(file);
  }

  const hand_over = recording => decode_and_give(recording).catch(error => say("It could not be read: " + error));

  chosen.onchange = () => { if (chosen.files.length) hand_over(chosen.files[0]); chosen.value = ""; };

  button.onclick = async () => {
    if (recorder && recorder.state === "recording") { recorder.stop(); return; }
    try {
      const plain = {echoCancellation: false, noiseSuppression: false, autoGainControl: false};
      const stream = await navigator.mediaDevices.getUserMedia({audio: plain});
      const parts = [];
      recorder = new MediaRecorder(stream);
      recorder.ondataavailable = event => parts.push(event.data);
      recorder.onstop = () => {
        stream.getTracks().forEach(track => track.stop());
        button.textContent = "Record again";
        hand_over(new Blob(parts, {type: recorder.mimeType}));
      };
      recorder.start();
      const current = recorder;
      setTimeout(() => { if (current.state === "recording") current.stop(); }, 1000 * SECONDS);
      button.textContent = "Stop";
      say("Speak now, for up to SECONDS seconds.");
    } catch (error) {
      say("There is no microphone here (" + error + "). Record with another program, and upload the file.");
    }
  };
})();
"""
