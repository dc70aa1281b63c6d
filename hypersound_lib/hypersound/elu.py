"""How a layer behind ELU starts: its sums keep the variance of those before (He et al. 2015, for another kink)."""

import math

from torch import nn

# E[ELU(z)²] for z ~ N(0, 1). Half of it comes from z > 0, where ELU is the identity: ½ E[z²] = ½. For z < 0 it is
# E[(e^z - 1)²] = E[e^{2z}] - 2 E[e^z] + ½, all over z < 0, where E[e^{az}; z < 0] = e^{a²/2} Φ(-a).
ELU_SECOND_MOMENT = 0.5 + (
    math.exp(2) * 0.5 * math.erfc(2 / math.sqrt(2)) - 2 * math.exp(0.5) * 0.5 * math.erfc(1 / math.sqrt(2)) + 0.5
)


def init_elu_(layer: nn.Linear | nn.Conv1d) -> None:
    """Start a layer so that, fed with the ELU of unit-variance sums, its own sums have unit variance.

    Σ_j w_j ELU(z_j) over n inputs has variance n · Var(w) · E[ELU²], which is 1 for Var(w) = 1 / (n E[ELU²]). Inputs
    that are smaller grow by 1 / E[ELU²]^½ = 1.25 a layer until they are not. PyTorch's own init would shrink
    them in every layer, until all that a deep stack says of its input drowns in its biases.
    """
    fan_in = layer.weight[0].numel()
    nn.init.normal_(layer.weight, std=1 / math.sqrt(fan_in * ELU_SECOND_MOMENT))
    nn.init.zeros_(layer.get_parameter("bias"))
