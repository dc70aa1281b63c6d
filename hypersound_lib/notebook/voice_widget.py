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

SECONDS = 10.0  # that are taken of a sound, at most
_SCRIPT = Path(__file__).with_name("recorder.js").read_text(encoding="utf-8")
_FIELD = "hypersound-recording"  # the CSS class of the text field


def voice_input(respond: Callable[[Tensor, int], str]) -> Any:
    """Return an `ipywidgets.VBox` that takes a sound file, or what `recorder_html` records, and shows the answer.

    Where no kernel runs, a notebook shows nothing of a widget.

    Args:
        respond: from a waveform `(T,)`, of 10 seconds at most, and its rate in Hz to HTML.
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
            answer.value = respond(waveform[: round(SECONDS * sample_rate)], sample_rate)
        except Exception as error:  # of `respond`, or of bytes that are none, too: a notebook shows it nowhere else
            said = str(error) if isinstance(error, HyperSoundError) else f"{type(error).__name__}: {error}"
            answer.value = f"<p>{html.escape(said)}</p>"

    upload.observe(lambda change: answer_to(_uploaded, change["new"]), names="value")
    recorded.observe(
        lambda change: answer_to(lambda text: ("voice.wav", base64.b64decode(text)), change["new"]), names="value"
    )
    return ipywidgets.VBox([upload, recorded, answer, scripts_widget()])


def recorder_html() -> str:
    """Return what gives sound to a `voice_input` on the same page: a button that records, and one for a file.

    The file may be of any format that the browser plays, such as M4A and WebM. Ten seconds are taken of either,
    at most. Where there is no microphone, it says so and does nothing.
    """
    name = f"hypersound-{uuid.uuid4().hex}"
    script = _SCRIPT.replace("NAME", name).replace("FIELD", _FIELD).replace("SECONDS", f"{SECONDS:g}")
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
