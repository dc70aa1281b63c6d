"""Networks of sines: SIREN (Sitzmann et al. 2020, "Implicit Neural Representations with Periodic Activation Functions",
the paper's related work [1]), and the modulated one (Mehta et al. 2021, "Modulated Periodic Activations for
Generalizable Local Functional Representations", [2])."""

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import cast

import torch
from torch import Tensor, nn

from hypersound_lib.errors import ConfigError, limit_sizes
from hypersound_lib.inr.fourier_mlp import INR, dense_layers, linear


@dataclass(frozen=True)
class SIRENConfig:
    """Size and frequencies of a `SIREN`."""

    hidden_layers: int = 5
    width: int = 256  # units in each hidden layer
    # First layer, in rad per unit of t. 6000 on [0, 1) is the authors' 3000 on [-1, 1] for audio: at the start
    # the first layer's sines reach 6000 / 2π = 955 cycles per clip.
    omega_0: float = 6000.0
    hidden_omega: float = 30.0  # all later layers


class SIREN(INR):
    """x̂(t) = W sin(ω(… sin(ω₀(W₀t + b₀)) …)) + b: `(T, 1) -> (T,)`.

    >>> SIREN(SIRENConfig(hidden_layers=5, width=256)).num_params
    263937
    """

    config: SIRENConfig
    residual_scale = 1e-3  # ω turns a small change of a weight into another phase

    def __init__(self, config: SIRENConfig = SIRENConfig()):
        super().__init__()
        limit_sizes(config, hidden_layers=256, width=65536)
        if config.omega_0 <= 0 or config.hidden_omega <= 0:
            raise ConfigError(f"omega_0 and hidden_omega must be positive, not {config}")
        self.config = config
        self.layers = dense_layers(1, config.width, config.hidden_layers)
        first, *later = cast("list[nn.Linear]", list(self.layers))
        # The SIREN paper's section 3.2 and supplement 1.5: the first layer's weights come from U(-1/n, 1/n) with n
        # inputs. A later layer sees sines, whose mean square is 1/2. With weights from U(-c, c), of variance c²/3, its
        # angle has variance ω² · n · c²/3 · 1/2, which is 1 for c = √(6/n) / ω: all start with angles of unit scale.
        nn.init.uniform_(first.weight, -1 / first.in_features, 1 / first.in_features)
        for layer in later:
            limit = math.sqrt(6 / layer.in_features) / config.hidden_omega
            nn.init.uniform_(layer.weight, -limit, limit)

    def evaluate(self, features: Tensor, params: Mapping[str, Tensor]) -> Tensor:
        """Map features, here coords `(..., T, 1)` themselves, to samples `(..., T, 1)`."""
        x, last = features, len(self.layers) - 1
        for i in range(last):
            x = self.sines(i, x, params)
        return linear(x, params[f"layers.{last}.weight"], params[f"layers.{last}.bias"])

    def sines(self, i: int, x: Tensor, params: Mapping[str, Tensor]) -> Tensor:
        """Return sin(ω(Wx + b)) of hidden layer i: `(..., T, n) -> (..., T, m)`.

        In the first layer, which turns time into oscillation, the angle reaches thousands of radians. It is computed in
        the coordinates' precision, and never in bfloat16, whose 8 bits would leave nothing of the phase.
        """
        weight, bias = params[f"layers.{i}.weight"], params[f"layers.{i}.bias"]
        if i > 0:
            return torch.sin(self.config.hidden_omega * linear(x, weight, bias))
        with torch.autocast(x.device.type, enabled=False):
            angle = self.config.omega_0 * linear(x, weight.to(x.dtype), bias.to(x.dtype))
            return torch.sin(angle).to(weight.dtype)


@dataclass(frozen=True)
class ModulatedSIRENConfig(SIRENConfig):
    """Size and frequencies of a `ModulatedSIREN`, whose modulator is as wide and deep as its synthesiser."""

    latent_size: int = 64  # numbers in the code z that describes the sound


class ModulatedSIREN(SIREN):
    """A synthesiser of sines whose amplitudes a modulator sets from a code z: `(T, 1) -> (T,)`.

        synthesiser   t ──► α₁·sin ──► α₂·sin ──► … ──► affine ──► x̂(t)
                              ▲          ▲
        modulator     z ──► ReLU ────► ReLU ────► …       (each ReLU layer also sees z)

    The modulator does not depend on t. Fitted to one sound, z is a parameter like any other; a model of many
    sounds shares all weights but z, or generates what it likes by name.

    >>> ModulatedSIREN(ModulatedSIRENConfig(hidden_layers=2, width=8, latent_size=4)).num_params
    245
    """

    config: ModulatedSIRENConfig

    def __init__(self, config: ModulatedSIRENConfig = ModulatedSIRENConfig()):
        super().__init__(config)
        limit_sizes(config, latent_size=65536)
        if config.latent_size < 1:
            raise ConfigError(f"latent_size must be positive, not {config}")
        width, code = config.width, config.latent_size
        inputs = [code, *[width + code] * (config.hidden_layers - 1)]
        modulators = [nn.Linear(n, width) for n in inputs]
        for modulator in modulators:
            # Amplitudes near 1 at the start, so that the synthesiser begins as the SIREN that its init was made for.
            nn.init.uniform_(modulator.weight, -1 / math.sqrt(n := modulator.in_features), 1 / math.sqrt(n))
            nn.init.ones_(modulator.bias)
        self.modulators = nn.ModuleList(modulators)
        self.latent = nn.Parameter(torch.randn(code) / math.sqrt(code))

    def evaluate(self, features: Tensor, params: Mapping[str, Tensor]) -> Tensor:
        """Map features, here coords `(..., T, 1)` themselves, to samples `(..., T, 1)`."""
        x, last = features, len(self.layers) - 1
        h = z = params["latent"].unsqueeze(-2)  # (..., 1, latent_size): one row, the same for every instant
        for i in range(last):
            modulation = torch.relu(linear(h, params[f"modulators.{i}.weight"], params[f"modulators.{i}.bias"]))
            x = modulation * self.sines(i, x, params)
            # Where z is common to all items, and the modulator is not, z is repeated.
            h = torch.cat([modulation, z.expand(*modulation.shape[:-1], -1)], dim=-1)
        return linear(x, params[f"layers.{last}.weight"], params[f"layers.{last}.bias"])
