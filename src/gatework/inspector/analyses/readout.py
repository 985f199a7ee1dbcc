"""How the output reads the memory: a direction of h as a direction of the memory."""

import numpy as np
import torch

from gatework.cells import LSTM
from gatework.cells.activations import ACTIVATIONS
from gatework.errors import InputError
from gatework.inspector.analyses.ledger import target_step
from gatework.inspector.trace import Array, SequencePass


def output_weight(one: SequencePass, weight: Array, step: int | None = None) -> Array:
    """Turn a direction of the output h into one of the memory, for `weight` of a ledger.

    A step shows h = gain * m (for the LSTM gain = o tanh(c) / c), so that weight . h is
    sum_u (weight_u gain_u) m_u, and each step's contribution to it is its own part of the memory
    times that. The parts add up exactly; Murdoch & Szlam take differences of tanh instead, which
    depend on the order of the steps.

    Args:
        one: the sequence that the ledger is of.
        weight: (P,) say, a row of the linear layer that reads h.
        step: the step that the ledger is of; None for the last that was read.

    Returns:
        (H,).

    Raises:
        InputError: the widths differ, or the sequence is empty; or the layer has both a projection
            and layer norm, which hide the gain.

    Example:
        >>> import torch, gatework
        >>> lstm, head = gatework.LSTM(3, 8), torch.nn.Linear(8, 1)
        >>> one = gatework.trace(lstm, torch.randn(10, 1, 3))[""].find().sequence(0)
        >>> weight = output_weight(one, head.weight[0].detach().numpy())
        >>> answer = weight @ one.memory[-1] + head.bias.item()
        >>> bool(abs(answer - head(torch.from_numpy(one.values["h"][-1])).item()) < 1e-5)
        True
    """
    target = target_step(one, step)
    given = np.asarray(weight, np.float64)
    width = one.values["h"].shape[1]
    if given.shape != (width,):
        raise InputError(f"weight has shape {given.shape}; expected that of h, ({width},).")
    if target is None:
        raise InputError("the sequence is empty, so no step shows anything of its memory.")
    memory = np.asarray(one.memory[target], np.float64)
    shown = np.asarray(one.values["h"][target], np.float64)
    read = np.asarray(one.roles.read[target], np.float64)
    if isinstance(one.cell, LSTM) and one.cell.projection:
        if one.cell.layer_norm:
            raise InputError("a layer with a projection and layer norm hides how h reads c.")
        activation = ACTIVATIONS[one.cell.output_activation]
        shown = read * activation(torch.from_numpy(memory)).numpy()
        given = given @ np.asarray(one.params["weight_hr"], np.float64)
    return given * np.divide(shown, memory, out=read.copy(), where=memory != 0)
