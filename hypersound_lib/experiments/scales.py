"""Table 1 at three scales: what a lab would start on GPUs, what two cores can do, and a check that all of it runs."""

from dataclasses import dataclass, replace

from hypersound_lib.baselines.rave import TUTORIAL, TUTORIAL_TRAINING, RAVEConfig, RAVETrainingConfig
from hypersound_lib.errors import ConfigError
from hypersound_lib.hypersound.encoder import EncoderConfig
from hypersound_lib.hypersound.hypernetwork import HyperNetworkConfig
from hypersound_lib.hypersound.model import HyperSoundConfig
from hypersound_lib.inr import FourierMLPConfig
from hypersound_lib.losses import LOSSES, LossConfig
from hypersound_lib.presets import PRESETS, Preset
from hypersound_lib.training import TrainingConfig


@dataclass(frozen=True)
class Scale:
    """Everything that fixes a run of the table."""

    name: str
    data: str  # corpus: its training voices train, its test voices are scored
    runs: dict[str, Preset]  # HyperSound trainings by name
    same: dict[str, str]  # run -> run that is the very same training, and stands in for it
    rave: RAVEConfig
    rave_training: RAVETrainingConfig
    limit: int | None  # test recordings
    seconds: float  # of each


# The loss blocks: the paper's four, and its two weights of λ_STFT that collapse.
_LOSSES = LOSSES | {f"l1+{weight}mel": LossConfig(f"smooth_l1+{weight}*mel_stft") for weight in ("0.1", "0.01")}


def _trained_with(base: Preset, losses: dict[str, LossConfig]) -> dict[str, Preset]:
    return {
        name: Preset(f"base, trained with {loss.terms}", base.model, replace(base.training, loss=loss))
        for name, loss in losses.items()
    }


def _paper() -> Scale:
    base, small, large = (PRESETS[f"paper-{size}"] for size in ("base", "small", "large"))
    runs = {"base": base, "small": small, "large": large} | _trained_with(base, _LOSSES)
    del runs["l1+mel"]  # the paper's base is trained with it
    return Scale("paper", "vctk", runs, {"l1+mel": "base"}, RAVEConfig(), RAVETrainingConfig(), 512, 32768 / 22050)


# 128 ms at 16 kHz, in the manner of the preset `tutorial`, within four hours on two cores. `base` is trained with the
# preset's loss, which finds the phase soonest; the paper's losses, with the paper's windows, have a block of their own.
def _tutorial_model(width: int) -> HyperSoundConfig:
    return HyperSoundConfig(
        sample_rate=16000,
        num_samples=2048,
        encoder=EncoderConfig(strides=(4, 8), dilations=(1,)),
        hypernetwork=HyperNetworkConfig(hidden=(200,)),
        target=FourierMLPConfig(hidden_layers=1, width=width, num_octaves=0, num_frequencies=1024),
    )


def _tutorial(steps: int = 2500) -> Scale:
    training = TrainingConfig(
        steps=steps,
        batch_size=32,
        learning_rate=5e-4,
        warmup_steps=min(50, steps // 4),
        schedule="cosine",
        max_grad_norm=1.0,
        loss=LossConfig("log_nmse+0.1*mel_stft", fft_sizes=(256, 512, 1024), n_mels=64),
        validate_every=max(1, steps // 20),
        checkpoint_every=max(1, steps // 10),
    )
    sizes = {"small": 4, "base": 16, "large": 48}
    runs = {
        name: Preset(f"one hidden layer of {width}", _tutorial_model(width), training) for name, width in sizes.items()
    }
    # 128 mel bins would leave bins of 512 samples empty at 16 kHz.
    runs |= _trained_with(runs["base"], {name: replace(loss, n_mels=64) for name, loss in _LOSSES.items()})
    # On a core of a server these took three quarters of the time of `base`.
    rave = replace(TUTORIAL_TRAINING, steps=8000, validate_every=400, checkpoint_every=800)
    return Scale("tutorial", "mini", runs, {}, TUTORIAL, rave, 16, 1.5)


def _smoke() -> Scale:
    small = _tutorial(steps=4)

    def brief(run: Preset) -> Preset:
        training = replace(run.training, batch_size=8, validation_clips=8, validate_every=4, checkpoint_every=4)
        return replace(run, training=training)

    runs, rave = {name: brief(run) for name, run in small.runs.items()}, replace(small.rave_training, steps=2)
    return replace(small, name="smoke", runs=runs, rave_training=rave, limit=1, seconds=0.7)


def scale(name: str) -> Scale:
    """Return a scale by name: "smoke" (minutes), "tutorial" (hours on two cores), "paper" (weeks on a GPU).

    Raises:
        ConfigError: there is no such scale.

    >>> scale("paper").runs["large"].model.target.width
    384
    """
    scales = {"smoke": _smoke, "tutorial": _tutorial, "paper": _paper}
    if name not in scales:
        raise ConfigError(f"{name!r} is no scale; choose one of {', '.join(scales)}")
    return scales[name]()
