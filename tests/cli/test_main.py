"""What all commands have in common: a version, and a question where a name is nearly that of something known."""

import pytest

import hypersound_lib
from hypersound_lib.cli import main
from hypersound_lib.errors import HyperSoundError, suggestion
from hypersound_lib.models import load_model


def test_the_version_is_told(capsys):
    with pytest.raises(SystemExit, match="0"):
        main(["--version"])
    assert capsys.readouterr().out == f"hypersound {hypersound_lib.__version__}\n"


@pytest.mark.parametrize(
    ("arguments", "hint"),
    [
        (["trian"], "did you mean 'train'?"),
        (
            ["train", "--out", "x", "--lerning-rate", "1"],
            "--lerning-rate is no option of this command; did you mean '--le",
        ),
        (["train", "--out", "x", "--shedule=cosine"], "did you mean '--schedule'?"),
        (["train", "--out", "x", "--schedule", "cosin"], "did you mean 'cosine'?"),
        (["fit", "x.wav", "--network", "sirn"], "did you mean 'siren'?"),
        (["info", "x.hs", "--qqq"], "--qqq is no option of this command; --help lists all"),
    ],
)
def test_a_mistyped_command_option_or_choice_is_asked_about(arguments, hint, capsys):
    with pytest.raises(SystemExit, match="2"):
        main(arguments)
    assert hint in capsys.readouterr().err


def test_a_mistyped_preset_dataset_or_model_is_asked_about(tmp_path, capsys):
    train = ["train", "--out", str(tmp_path / "run")]
    assert main([*train, "--preset", "tutorail"]) == 2
    assert main([*train, "--data", "libri-speech"]) == 2
    error = capsys.readouterr().err
    assert "did you mean 'tutorial'?" in error
    assert "did you mean 'librispeech'?" in error
    with pytest.raises(HyperSoundError, match=r"no such folder or model .*; did you mean 'hypersound-small'\?"):
        load_model("hypersound-smal")
    assert suggestion("piano", ["tutorial", "local"]) == ""
