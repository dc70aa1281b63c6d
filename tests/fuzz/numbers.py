"""Hostile numbers for every number of the commands that take a sound: a file that is right, or a named error."""

import io
import random
from contextlib import redirect_stderr, redirect_stdout
from pathlib import Path

from hypersound_lib.cli import main
from hypersound_lib.data import load_audio, save_audio
from hypersound_lib.errors import HyperSoundError
from tests.fuzz.judge import Try
from tests.local.small import RATE, make_model, sound

# Large numbers that are only much work are none of these: who asks for 10⁹ steps gets them.
VALUES = ["nan", "inf", "-inf", "1e23", "1e400", "-1", "0", "-0.0", "1e-320", "0.5", "3", "100", "٣", "1_0", "0x10", ""]
VALUES += [" 7", "7 ", "--", "1" * 400, "-" + "9" * 30, str(10**23), str(2**31), str(2**63), "1,5", "None", "none", "x"]
FIT = ["--seconds", "--start", "--sample-rate", "--learning-rate", "--target-snr", "--evaluate-every", "--window"]
FIT += ["--windows-per-step", "--seed", "--steps", "--max-seconds"]


class Refused(HyperSoundError):
    """The command ended with exit code 2 and a message."""


def prepare(folder: Path) -> Try:
    """Return what runs one command with one or two hostile numbers."""
    voice, code, fitted = folder / "voice.wav", folder / "voice.hs", folder / "fitted"
    make_model().save_pretrained(folder / "model")
    save_audio(voice, sound(4000), RATE)
    model = ["--model", str(folder / "model")]
    fit = ["fit", str(voice), "--out", str(folder / "out"), "--device", "cpu"]
    assert run([*fit, "--out", str(fitted), "--steps", "1"]) == 0
    assert run(["compress", str(voice), str(code), "--quality", "5", *model]) == 0
    copy, weights = folder / "copy.wav", next(fitted.glob("*.safetensors"))
    commands = [
        (["render", str(weights), str(copy)], ["--sample-rate"], copy),
        (["decompress", str(code), str(copy), *model], ["--sample-rate"], copy),
        (["compress", str(voice), str(folder / "new.hs"), *model, "--kbps=64"], ["--kbps"], None),
        (["compress", str(voice), str(folder / "new.hs"), *model, "--quality=5"], ["--quality"], None),
        (["reconstruct", str(folder / "model"), str(voice), str(copy), "--kbps=64"], ["--kbps", "--sample-rate"], copy),
        ([*fit, "--steps", "1", "--max-seconds", "1"], FIT, None),
    ]
    assert all(run(command) == 0 for command, *_ in commands)

    def attempt(generator: random.Random) -> str:
        command, flags, out = generator.choice(commands)
        chosen = generator.sample(flags, min(len(flags), generator.randint(1, 2)))
        extra = [f"{flag}={generator.choice(VALUES)}" for flag in chosen]
        copy.unlink(missing_ok=True)
        # Of a flag that is given twice the last one holds.
        try:
            status = run([*command, *extra])
        except Exception as error:
            raise AssertionError(f"{command[0]} {' '.join(extra)}: {error!r}") from error
        if status == 2:
            raise Refused(command[0])
        assert status == 0, f"{command[0]} {extra}: exit code {status}"
        if out is not None:
            assert len(load_audio(out)[0]), f"{command[0]} {extra}: an empty file"
        return "done"

    return attempt


def run(arguments: list[str]) -> int:
    """Run a command without its output; argparse leaves by SystemExit."""
    errors = io.StringIO()
    with redirect_stdout(io.StringIO()), redirect_stderr(errors):
        try:
            status = main(arguments)
        except SystemExit as end:
            status = end.code
    assert status == 0 or errors.getvalue().strip(), f"exit code {status} and no message"
    return status
