"""Layer-wise relevance propagation through a recurrent layer, gates taking none.

Rules of Arras et al. 2017 (arXiv:1706.07206) and 2019 (arXiv:1909.12114), 'signal-take-all':

    z = sum_k w_k x_k + b    R_k = w_k x_k / (z + eps sign z) R
    gate * source            all to the source
    c' = f c + i g           R_c = f c / (c' + eps sign c') R,  i g alike; R_c' += R_h
    tanh                     passes on what it gets

so that x and h receive only through the candidate. Above the layer, output . dscore/d(output) is
taken, which is the same rule wherever a linear head stands there.
"""

from typing import Any, NamedTuple, final

import numpy as np
import torch
from torch import Tensor

from gatework.cells import GRU, LSTM
from gatework.cells.activations import ACTIVATIONS
from gatework.errors import InputError
from gatework.inspector.analyses.attribution import Attribution
from gatework.inspector.analyses.subject import Exit, Subject
from gatework.inspector.trace import Array, PassTrace, SequencePass

READING = (
    "Relevance is shared out backwards from the score, layer by layer, as if each sum were cut up "
    "by what its terms put into it. What the biases took and what the small eps swallowed are rows "
    "of their own: where they hold most of it, the map explains little. Conservation says that "
    "nothing got lost on the way; it does not say that the rules are right for this network, so "
    "look at the agreement with occlusion. Gates get nothing by construction, even where they made "
    "the decision."
)


# Norms and zoneout have no rule here; gates that are states pass relevance on to nothing.
REFUSED = ("layer_norm", "zoneout", "full_recurrence")


class Relevance(NamedTuple):
    """Where the relevance of the score went.

    Attributes:
        credits: to the inputs and the initial states; its completeness error includes what biases
            and eps took.
        start: (B,) the relevance that entered at the top of the layer.
        bias: (B,) what the biases took.
        absorbed: (B,) what eps took.
        conservation_error: (B,) start - credits - bias - absorbed: rounding.
    """

    credits: Attribution
    start: Array
    bias: Array
    absorbed: Array
    conservation_error: Array


class _Share(NamedTuple):
    """What one sequence's pass through one direction hands on."""

    x: Array
    state: dict[str, Array]
    bias: float
    absorbed: float


def lrp(whole: Subject, *, eps: float = 1e-3) -> Relevance:
    """Relevance of every input of every step, and of the initial states.

    Args:
        whole: the model, its inputs and the score.
        eps: keeps small sums from being blown up; it absorbs relevance.

    Raises:
        InputError: the cell has layer normalisation or full recurrence, or the layer zoneout, for
            which there is no rule; or score is one number for several sequences.

    Example:
        >>> import torch, gatework
        >>> from gatework.inspector.analyses.subject import subject
        >>> found = lrp(subject(gatework.LSTM(3, 8), torch.randn(10, 2, 3)))
        >>> found.credits.x.shape, bool(abs(found.conservation_error).max() < 1e-5)
        ((10, 2, 3), True)
    """
    whole.require_scores_by_sequence()
    layer = whole.layer
    options = (*layer.cell.options, *layer.regularisers.options)
    lacking = [each for each in options if each.startswith(REFUSED)]
    if lacking:
        raise InputError(f"there is no relevance rule for {lacking[0]}.")
    output, final = _top(whole)
    recorded = whole.recording()
    time, batch = output.shape[:2]
    directions = 2 if layer.bidirectional else 1
    credits = np.zeros((time, batch, layer.input_size))
    states: dict[str, Array] = {name: np.zeros(batch) for name in layer.cell.states}
    bias, absorbed = np.zeros(batch), np.zeros(batch)
    start = output.sum(axis=(0, 2)) + sum(part.sum(axis=(0, 2)) for part in final.values())
    for b, length in enumerate(whole.lengths.tolist()):
        above = output[:length, b]
        for top in reversed(range(layer.num_layers)):
            width = above.shape[1] // directions
            below = 0.0
            for direction in range(directions):
                made = recorded.find(top, reverse=direction == 1)
                ends = {name: part[top * directions + direction, b] for name, part in final.items()}
                own = above[:, direction * width : (direction + 1) * width]
                share = _through(made, b, own, ends, eps)
                below = below + share.x
                bias[b] += share.bias
                absorbed[b] += share.absorbed
                for name, part in share.state.items():
                    states[name][b] += part.sum()
            assert isinstance(below, np.ndarray)
            above = below
        credits[:length, b] = above
    with torch.no_grad():
        score = whole.run().cpu().numpy()
    found = Attribution(
        "LRP", credits, states, score, np.zeros(batch), "zero, by the rules", whole.lengths.numpy()
    )
    total = found.steps.sum(axis=0) + sum(states.values())
    return Relevance(found, start, bias, absorbed, start - total - bias - absorbed)


def _top(whole: Subject) -> tuple[Array, dict[str, Array]]:
    """Relevance of the layer's output (T, B, D * P) and final states, from what is above it."""
    seen: list[Exit] = []

    def leave(made: Exit) -> Exit:
        leaf = Exit(
            made.output.detach().requires_grad_(),
            tuple(part.detach().requires_grad_() for part in made.state),
        )
        seen.append(leaf)
        return leaf

    total = whole.run(leave=leave).sum()
    parts = [seen[0].output, *seen[0].state]
    gradients = [torch.zeros_like(part) for part in parts]
    if total.requires_grad:
        gradients = torch.autograd.grad(total, parts, allow_unused=True, materialize_grads=True)
    found = [_array(part * by) for part, by in zip(parts, gradients, strict=True)]
    return found[0], dict(zip(whole.layer.cell.states, found[1:], strict=True))


def _through(
    traced: PassTrace, sequence: int, output: Array, ends: dict[str, Array], eps: float
) -> _Share:
    """One sequence through one direction, from the last step that was read to the first."""
    made = traced.sequence(sequence)
    steps = _Pass(made, eps)
    relevance = {name: ends[name].copy() for name in made.cell.states}
    x = np.zeros(made.inputs.shape)
    for t in range(len(made)) if made.reverse else reversed(range(len(made))):
        relevance["h"] = relevance["h"] + output[t]
        relevance, x[t] = steps.step(t, relevance)
    return _Share(x, relevance, steps.bias, steps.absorbed)


@final
class _Pass:
    """The rules for the steps of one sequence; sums up what biases and eps take."""

    def __init__(self, made: SequencePass, eps: float) -> None:
        cell, params = made.cell, made.params
        self.made, self.eps = made, eps
        self.bias = self.absorbed = 0.0

        def rows(name: str) -> Array:
            if name not in params:
                return np.zeros(len(params["weight_ih"]) // len(cell.gates))
            return np.split(_wide(params[name]), len(cell.gates))[cell.gates.index(cell.candidate)]

        self.w, self.u = rows("weight_ih"), rows("weight_hh")
        self.b_ih, self.b_hh = rows("bias_ih"), rows("bias_hh")
        self.old = {name: _wide(made.before(name)) for name in cell.states}
        self.keep, self.write, self.read = map(_wide, made.roles)

    def step(self, t: int, relevance: dict[str, Array]) -> tuple[dict[str, Array], Array]:
        """Of the old states and of x, from that of the new states."""
        cell = self.made.cell
        memory = relevance[cell.memory]
        if cell.memory != "h":
            memory = memory + self._unprojected(t, relevance["h"])
        wrote = self.write[t] * self.made.candidate[t]
        kept, to_candidate = np.zeros_like(memory), memory
        if self.keep[t].any():  # else, in an RNN, there is no sum to share out
            kept, to_candidate = self._shared(
                memory, np.stack([self.keep[t] * self.old[cell.memory][t], wrote])
            )
        x, from_h = self._candidate(t, to_candidate)
        old = {name: np.zeros_like(part) for name, part in relevance.items()}
        old[cell.memory] = kept
        old["h"] = old["h"] + from_h
        return old, x

    def _candidate(self, t: int, relevance: Array) -> tuple[Array, Array]:
        """To x and to h, of the sum under the candidate's activation."""
        x, h = _wide(self.made.inputs[t]), self.old["h"][t]
        scale = np.ones(len(self.w))
        if isinstance(self.made.cell, GRU):
            r = _wide(self.made.values["r"][t])
            scale, h = (r, h) if self.made.cell.reset_after else (scale, r * h)
        bias = self.b_ih + scale * self.b_hh
        terms = np.concatenate([self.w * x, scale[:, None] * self.u * h, bias[:, None]], axis=1)
        shares = self._shared(relevance, terms.T).sum(axis=1)
        self.bias += shares[-1]
        return shares[: len(x)], shares[len(x) : -1]

    def _unprojected(self, t: int, relevance: Array) -> Array:
        """To the memory, of h."""
        cell = self.made.cell
        if "weight_hr" not in self.made.params or not isinstance(cell, LSTM):
            return relevance
        c = torch.from_numpy(_wide(self.made.memory[t]))
        shown = self.read[t] * ACTIVATIONS[cell.output_activation](c).numpy()
        terms = _wide(self.made.params["weight_hr"]) * shown
        return self._shared(relevance, terms.T).sum(axis=1)

    def _shared(self, relevance: Array, terms: Array) -> Array:
        """Each term's part, (K, size), of the relevance of their sum; eps takes the rest."""
        total = terms.sum(axis=0)
        steady = total + self.eps * np.where(total >= 0, 1.0, -1.0)
        shares = terms / steady * relevance
        self.absorbed += float((relevance - shares.sum(axis=0)).sum())
        return shares


def _wide(values: Any) -> Array:
    return np.asarray(values, dtype=np.float64)


def _array(values: Tensor) -> Array:
    return values.detach().cpu().double().numpy()
