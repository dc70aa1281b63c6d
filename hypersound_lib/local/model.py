"""Local HyperSound: a hypernetwork that learns what to send, and writes one small function for each moment.

    waveform ──lapped waves──► c ──analysis network──► integers h, y ──generator──► θ_k ──local INR──► waveform

Everything between the two fixed transforms is learnt: which numbers are sent and with which step, how probable each
integer is, and what is put where it was not sent. It is trained for distortion + λ(r) · bits, for all r at once: r, the
rate knob, is an input of every network. Integers come in packets, and no packet depends on another.
"""

import os
from fractions import Fraction
from typing import Any

import torch
from torch import Tensor
from torch.nn import functional

from hypersound_lib.coding.compression import compress_blocks
from hypersound_lib.coding.decompression import decompress_blocks
from hypersound_lib.coding.packets import PacketCoder
from hypersound_lib.coding.rate import DEFAULT_KBPS, KNOBS, Rate, knob_value, random_knob_values, survey
from hypersound_lib.coding.tensors import whole_packets
from hypersound_lib.coding.weights import FixedWeights
from hypersound_lib.data import as_sound, resample, resampled_length
from hypersound_lib.errors import ConfigError, check_sample_rate
from hypersound_lib.hub.model import count
from hypersound_lib.local.config import LocalHyperSoundConfig
from hypersound_lib.local.networks import CodedWaves
from hypersound_lib.local.target import LocalINR
from hypersound_lib.local.waves import LappedTransform


class LocalHyperSound(CodedWaves):
    """Analysis network, entropy model, generator and local target: `(B, T) -> (B, T)` for any T.

    >>> model = LocalHyperSound(LocalHyperSoundConfig(hop=16, side=2, encoder_width=8, generator_width=8))
    >>> model(torch.zeros(2, 100)).shape
    torch.Size([2, 100])
    """

    kind = "LocalHyperSound"
    config_class = LocalHyperSoundConfig
    default_kbps = DEFAULT_KBPS

    def __init__(self, config: LocalHyperSoundConfig):
        super().__init__(config)
        self.transform = LappedTransform(config.hop)
        self.target = LocalINR(config.hop)
        self._fixed = FixedWeights()

    def amplitudes(self, waveform: Tensor) -> Tensor:
        """Return the lapped waves' amplitudes as an orthonormal transform has them: `(B, T) -> (B, K, M)`."""
        return self.transform(waveform) * self.unit

    def amplitudes_within(self, window: Tensor) -> Tensor:
        """Return those of the frames that lie wholly in a window `(T,)`, not of its first and last: `-> (K, M)`."""
        return self.amplitudes(window.unsqueeze(0))[0, 1:-1]

    def encode(self, waveform: Tensor, knob: int | None = None) -> Tensor:
        """Write θ for a sound: `(B, T) -> (B, K, M)`, K = ⌊(T - 1) / hop⌋ + 2.

        Args:
            waveform: at the model's rate, about full scale.
            knob: what is sent in between is rounded as this position of the rate knob has it, from 0, the finest, to
                255; None sends real numbers, unrounded, and generates nothing: θ are the waves as they were.

        Raises:
            ConfigError: the waveform is not as `as_batch` wants it, or there is no such position.
        """
        if knob is None:
            return self.transform(self.as_batch(waveform))
        amplitudes = self.amplitudes(self.as_batch(waveform))
        value = knob_value(knob).to(amplitudes).expand(len(amplitudes))
        packets = amplitudes.split(self.config.packet, dim=1)
        return torch.cat([self.quantise_and_generate(packet, value)[1] for packet in packets], dim=1)

    def decode(
        self,
        theta: Tensor,
        num_samples: int | None = None,
        sample_rate: int | None = None,
        start: int = 0,
        first_frame: int = 0,
    ) -> Tensor:
        """Play θ: `(B, K, M) -> (B, T')`.

        Args:
            theta: what `encode` returned, or consecutive frames of it.
            num_samples: how many samples; None plays as far as the frames reach, up to a hop beyond the sound's end.
            sample_rate: at which rate, in Hz; None stands for the model's own. Below it, what the rate cannot hold
                is left out, not folded back. Above it, waves whose skirts would show above the trained Nyquist
                frequency are left out.
            start: the first sample, counted at that rate.
            first_frame: the number of the first frame in `theta`, where others before it were left out.

        Raises:
            ConfigError: the samples do not all lie where the frames sound, or the target plays no rate so low.
        """
        rate = self.config.sample_rate if sample_rate is None else sample_rate
        check_sample_rate(rate)
        hop = None if rate == self.config.sample_rate else self.samples_per_hop(rate)
        return self.target(theta, num_samples, hop, start, first_frame)

    def forward(
        self,
        waveform: Tensor,
        start: int | Tensor = 0,
        num_samples: int | None = None,
        *,
        with_costs: bool = False,
        knob: int | Tensor | None = None,
    ) -> Tensor | tuple[Tensor, dict[str, Tensor]]:
        """Encode sounds, round, and play them, or a window of them: `(B, T) -> (B, num_samples)`.

        Args:
            waveform: `(B, T)`.
            start: the window's first sample.
            num_samples: of the window; None plays to the end.
            with_costs: return `(sound, {"rate": λ(r) · kbit/s, mean over the batch})`, as training wants it. Its clips
                are cut out of longer sounds, and click at the cuts, as files hardly ever do: frames that reach beyond
                the clip are played as they were, and cost nothing.
            knob: a position, or one for each sound `(B,)`; None draws them in training, in evaluation spreads them.

        Raises:
            ConfigError: the waveform is not as `as_batch` wants it, or the window not within it.
        """
        waveform, start = self.as_batch(waveform), int(start)
        count = waveform.shape[-1] - start if num_samples is None else num_samples
        frames, whole = self.amplitudes(waveform), waveform.shape[-1] // self.config.hop
        ends = (1, whole) if with_costs and whole > 1 else (0, frames.shape[1])
        first, inner, last = frames.tensor_split(ends, dim=1)
        packets = whole_packets(inner, self.config.packet)
        value = self._knobs(len(waveform), knob, packets)
        real, theta = self.quantise_and_generate(packets, value)
        theta = theta.unflatten(0, (len(waveform), -1)).flatten(1, 2)[:, : inner.shape[1]]
        sound = self.decode(torch.cat([first / self.unit, theta, last / self.unit], dim=1), count, start=start)
        return (sound, {"rate": self.priced(real, value) / (len(waveform) * inner.shape[1])}) if with_costs else sound

    def reconstruct(
        self, waveform: Tensor, sample_rate: int, output_rate: int | None = None, *, kbps: float | None = None
    ) -> Tensor:
        """Compress a sound and play the file: `(T,) -> (T',)`, as `PretrainedModel.reconstruct` has it.

        It needs neither clips nor full scale. `kbps`, and what may be wrong with it, are those of `compress`; None
        stands for 6 kbit/s, or for the coarsest steps where a short sound takes more.
        """
        waveform, rate = as_sound(waveform), self.config.sample_rate if output_rate is None else output_rate
        total = resampled_length(len(waveform), sample_rate, rate)
        if not resampled_length(len(waveform), sample_rate, self.config.sample_rate):
            return torch.zeros(total)  # nothing is left of it at the model's rate
        try:
            data = self.compress(waveform, sample_rate, kbps=kbps)
        except ConfigError:  # any other than of the rate comes again
            if kbps is not None:
                raise
            data = self.compress(waveform, sample_rate, quality=0)
        copy = self.decompress(data, rate)
        return functional.pad(copy, (0, total - len(copy)))  # the rate between may have rounded otherwise

    def compress(
        self, waveform: Tensor, sample_rate: int, *, kbps: float | None = None, quality: float | None = None
    ) -> bytes:
        """Return a sound as the content of a `.hs` file: `(T,)` at any rate in Hz.

        Args:
            waveform: `(T,)`, at `sample_rate`.
            kbps: at most so many kilobits for each second of sound, the file's header included; the default is 6.
            quality: instead, from 0 (the smallest files) to 10 (the finest steps), whatever they take.

        Raises:
            ConfigError: `as_sound` refuses the waveform, it is too loud, or the model cannot go as low as `kbps`.
        """
        rate, sound = Rate.of(kbps, quality), resample(as_sound(waveform), sample_rate, self.config.sample_rate)
        return b"".join(compress_blocks(self, [sound], survey([sound], self.config.hop), sample_rate, rate))

    def decompress(
        self, data: bytes, sample_rate: int | None = None, *, start: float = 0.0, seconds: float | None = None
    ) -> Tensor:
        """Play what `compress` returned, at any rate in Hz: `-> (T',)`; None stands for the model's own rate.

        Of a stretch, so many seconds from `start` on, only the packets that sound in it are decoded. Lost and damaged
        packets are silent, with a warning.

        Raises:
            CodeFileError: it is no such file, cut short, or another model's.
            ConfigError: the stretch begins beyond the end, or is none.
        """
        return torch.cat([torch.zeros(0), *decompress_blocks(self, data, sample_rate, "the data", start, seconds)])

    def identity(self) -> bytes:
        """Return 4 bytes by which a file names the model that it needs: of the hash of all weights as float32.

        The same weights as float64 are the same model: its integers are the same. Rounded to half they are another's.

        Raises:
            ConfigError: a weight is NaN or infinite: such a model writes and plays nothing.
        """
        return self._fixed.identity(self)

    def coder(self) -> PacketCoder:
        """Return a coder of packets, with the weights as they are.

        Raises:
            ConfigError: the integer frequencies were not frozen: see `freeze_code`.
        """
        return self._fixed.coder(self)

    def scoring_settings(self, numbers: Tensor, count: int) -> dict[str, Any]:
        """Return knobs that are spread evenly over all clips of a validation, not over each batch of them."""
        return {"knob": torch.linspace(0, KNOBS - 1, count + 2)[1:-1].round().long()[numbers]}

    def freeze_code(self) -> None:
        """Compute the integer frequencies of the tables anew from what was learnt."""
        self.entropy.freeze()

    def _knobs(self, count: int, knob: int | Tensor | None, packets: Tensor) -> Tensor:
        if knob is None and self.training:
            value = random_knob_values(count, packets.device)
        else:
            knob = self.scoring_settings(torch.arange(count), count)["knob"] if knob is None else knob
            value = knob_value(knob).expand(count)
        return value.to(packets).repeat_interleave(len(packets) // count)

    def samples_per_hop(self, sample_rate: int) -> Fraction:
        """Return how many samples of a rate in Hz a hop lasts."""
        return Fraction(self.config.hop * sample_rate, self.config.sample_rate)

    @property
    def theta_per_second(self) -> float:
        """How many generated numbers describe a second of sound."""
        return float(self.config.sample_rate)

    def num_parameters(self) -> dict[str, int]:
        """Count parameters where they sit."""
        return count(encoder=self.encoder, steps=self.steps, entropy=self.entropy, generator=self.generator)

    def save_pretrained(self, folder: str | os.PathLike, **settings: Any) -> None:
        """Write the model, as `PretrainedModel.save_pretrained` does, with integer frequencies of its tables.

        In training mode they are computed from what was learnt. In evaluation mode those that it has are kept, so
        that a model that was loaded stays the one that files name.
        """
        if self.training or not self.entropy.is_frozen:
            self.entropy.freeze()
        super().save_pretrained(folder, **settings)
