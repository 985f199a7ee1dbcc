"""The native scan as torch operators, and autograd over them.

One boundary that torch.compile, torch.export and double backward see.
"""

from typing import Any

import torch
from torch import Tensor

from gatework.cells import LSTM
from gatework.ops import core
from gatework.ops.call import ScanCall
from gatework.ops.reference import REFERENCE

_READS = (
    "Tensor x, Tensor h0, Tensor c0, Tensor weight_ih, Tensor weight_hh, "
    "Tensor? bias_ih, Tensor? bias_hh, Tensor? lengths, bool reverse"
)

torch.library.define(
    "gatework::lstm_forward",
    f"({_READS}, bool keep_tape) -> (Tensor y, Tensor h_n, Tensor c_n, Tensor tape)",
)
torch.library.define(
    "gatework::lstm_backward",
    f"({_READS}, Tensor y, Tensor tape, Tensor dy, Tensor dh_n, Tensor dc_n, "
    "bool want_x, bool want_weights) -> (Tensor dx, Tensor dh0, Tensor dc0, "
    "Tensor dweight_ih, Tensor dweight_hh, Tensor dbias_ih, Tensor dbias_hh)",
)


@torch.library.impl("gatework::lstm_forward", "CPU")
def _forward(x, h0, c0, w_ih, w_hh, b_ih, b_hh, lengths, reverse, keep_tape):  # noqa: PLR0913
    sequences = core.Sequences(x, h0, c0, lengths, reverse)
    return tuple(core.forward(sequences, core.Weights(w_ih, w_hh, b_ih, b_hh), keep_tape=keep_tape))


@torch.library.register_fake("gatework::lstm_forward")
def _forward_fake(x, h0, c0, w_ih, w_hh, b_ih, b_hh, lengths, reverse, keep_tape):  # noqa: PLR0913
    steps, batch, _ = x.shape
    size = 0
    if keep_tape:  # how much there is on it depends on the lengths, and on the instruction set
        size = torch.library.get_ctx().new_dynamic_size()
    y = x.new_empty(steps, batch, w_hh.shape[1])
    return y, torch.empty_like(h0), torch.empty_like(c0), x.new_empty(size)


@torch.library.impl("gatework::lstm_backward", "CPU")
def _backward(  # noqa: PLR0913
    x,
    h0,
    c0,
    w_ih,
    w_hh,
    b_ih,
    b_hh,
    lengths,
    reverse,
    y,
    tape,
    dy,
    dh_n,
    dc_n,
    want_x,
    want_weights,
):
    sequences = core.Sequences(x, h0, c0, lengths, reverse)
    gradients = core.backward(
        sequences,
        core.Weights(w_ih, w_hh, b_ih, b_hh),
        core.Cotangents(dy, dh_n, dc_n),
        y,
        tape,
        want_x=want_x,
        want_weights=want_weights,
    )
    return tuple(x.new_empty(0) if gradient is None else gradient for gradient in gradients)


@torch.library.register_fake("gatework::lstm_backward")
def _backward_fake(  # noqa: PLR0913
    x,
    h0,
    c0,
    w_ih,
    w_hh,
    b_ih,
    b_hh,
    lengths,
    reverse,
    y,
    tape,
    dy,
    dh_n,
    dc_n,
    want_x,
    want_weights,
):
    def like(value: Tensor | None, *, wanted: bool) -> Tensor:
        if value is None or not wanted:
            return x.new_empty(0)
        return torch.empty_like(value, memory_format=torch.contiguous_format)

    weights = (like(value, wanted=want_weights) for value in (w_ih, w_hh, b_ih, b_hh))
    return like(x, wanted=want_x), like(h0, wanted=True), like(c0, wanted=True), *weights


class _Scan(torch.autograd.Function):
    # One function with ctx, not forward and setup_context apart: torch then binds the arguments by
    # inspect.signature at every call, which takes longer than a small layer does.
    @staticmethod
    def forward(ctx: Any, *inputs: Any) -> tuple[Tensor, ...]:
        *tensors, reverse = inputs
        output = torch.ops.gatework.lstm_forward(*inputs, True)
        y, _, _, tape = output
        ctx.mark_non_differentiable(tape)
        ctx.save_for_backward(*tensors, y, tape)
        ctx.reverse = reverse
        return output

    @staticmethod
    def backward(ctx: Any, *outputs: Any) -> tuple[Tensor | None, ...]:
        dy, dh_n, dc_n, _ = outputs
        x, h0, c0, *weights, lengths, y, tape = ctx.saved_tensors
        needs = ctx.needs_input_grad[:-2]
        cotangents = core.Cotangents(dy, dh_n, dc_n)
        if torch.is_grad_enabled():  # create_graph: the gradients must be differentiable too
            sequences = core.Sequences(x, h0, c0, lengths, ctx.reverse)
            gradients = _reference_gradients(sequences, core.Weights(*weights), cotangents)
        else:
            gradients = torch.ops.gatework.lstm_backward(
                x,
                h0,
                c0,
                *weights,
                lengths,
                ctx.reverse,
                y,
                tape,
                *cotangents,
                needs[0],
                any(needs[3:]),
            )
        wanted = (g if need else None for g, need in zip(gradients, needs, strict=True))
        return *wanted, None, None


def _reference_gradients(
    seq: core.Sequences, weights: core.Weights, cotangents: core.Cotangents
) -> list[Tensor | None]:
    """The gradients again, by torch's own autograd over the reference."""
    named = weights._asdict()
    params = {name: weight for name, weight in named.items() if weight is not None}
    call = ScanCall(LSTM(), params, seq.x, (seq.h0, seq.c0), seq.lengths, seq.reverse, False)
    inputs = (seq.x, seq.h0, seq.c0, *weights)
    wanted = [each for each in inputs if each is not None and each.requires_grad]
    result = REFERENCE.run(call)
    gradients = iter(
        torch.autograd.grad(
            (result.output, *result.state),
            wanted,
            cotangents,
            create_graph=True,
            allow_unused=True,
        )
    )
    return [next(gradients) if each is not None and each.requires_grad else None for each in inputs]


def lstm(
    x: Tensor,
    state: tuple[Tensor, Tensor],
    weights: core.Weights,
    lengths: Tensor | None,
    *,
    reverse: bool,
) -> tuple[Tensor, tuple[Tensor, Tensor]]:
    """Run an LSTM on the native core, differentiably: y (T, B, H) and (h_n, c_n)."""
    tensors = (x, *state, *weights)
    if torch.is_grad_enabled() and any(t is not None and t.requires_grad for t in tensors):
        y, h_n, c_n, _ = _Scan.apply(*tensors, lengths, reverse)
    else:
        y, h_n, c_n, _ = torch.ops.gatework.lstm_forward(*tensors, lengths, reverse, False)
    return y, (h_n, c_n)
