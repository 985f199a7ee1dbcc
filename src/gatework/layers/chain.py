"""Sums and maxima over all label sequences of ragged batches: the arithmetic under `CRF`.

Steps are packed, so that padding is never read: sequences in falling order of length, the rows of
a step side by side. N is the number of real steps, L that of labels.
"""

from typing import Any, Final, NamedTuple, final

import torch
from torch import Tensor
from torch.autograd.function import once_differentiable

# Between e**-60 and 1 a float32 sum of products loses nothing: what underflows is under 1e-38.
WIDEST: Final = 60.0
NEVER: Final = float("-inf")
_LOWEST: Final = -1e30  # in place of NEVER where it would be subtracted


class Potentials(NamedTuple):
    """The scores of a chain that do not depend on the place: (L, L) from row to column, (L,), (L,).

    `NEVER` forbids.
    """

    transitions: Tensor
    start: Tensor
    end: Tensor

    def width(self) -> float:
        """Return the widest range of scores in one of the three."""
        return max(float(part.amax() - part.amin()) for part in map(torch.Tensor.detach, self))


class Packing(NamedTuple):
    """Which cell of a padded (T, B) batch each packed row is.

    Attributes:
        cells: (N,) places in the flattened batch.
        sequences: (N,) place in the batch of each row's sequence.
        before: (N - B',) the row one step earlier, of every row that is not a first step.
        last: (B',) the last row of each sequence that has one, longest first.
        order: (B',) those sequences' places in the batch.
        sizes: Rows at each step.
    """

    cells: Tensor
    sequences: Tensor
    before: Tensor
    last: Tensor
    order: Tensor
    sizes: list[int]

    @classmethod
    def of(cls, lengths: Tensor, device: torch.device) -> "Packing":
        """Pack sequences of these (B,) lengths."""
        lengths = lengths.detach().cpu().long()
        sorted_lengths, order = lengths.sort(descending=True, stable=True)
        order = order[: int((lengths > 0).sum())]
        sorted_lengths = sorted_lengths[: len(order)]
        steps = torch.arange(int(sorted_lengths[0]) if len(order) else 0)
        sizes = (sorted_lengths > steps[:, None]).sum(1)
        step_of = steps.repeat_interleave(sizes)
        first = sizes.cumsum(0) - sizes
        rank = torch.arange(len(step_of)) - first[step_of]
        sequences = order[rank]
        later = step_of > 0
        return cls(
            cells=(step_of * len(lengths) + sequences).to(device),
            sequences=sequences.to(device),
            before=(first[step_of - 1] + rank)[later].to(device),
            last=(first[sorted_lengths - 1] + torch.arange(len(order))).to(device),
            order=order.to(device),
            sizes=sizes.tolist(),
        )

    def pack(self, values: Tensor) -> Tensor:
        """(T, B, ...) to (N, ...)."""
        return values.flatten(0, 1).index_select(0, self.cells)

    def unpack(self, values: Tensor, shape: tuple[int, int], fill: float = 0) -> Tensor:
        """(N, ...) to (T, B, ...), with `fill` past the ends."""
        steps, batch = shape
        out = values.new_full((steps * batch, *values.shape[1:]), fill)
        return out.index_copy_(0, self.cells, values).unflatten(0, shape)

    def per_step(self, values: Tensor) -> tuple[Tensor, ...]:
        """Return views of (N, ...), one for each step."""
        return values.split(self.sizes)


def log_partition(scores: Tensor, chain: Potentials, packing: Packing, batch: int) -> Tensor:
    """Return (B,) float64 log of the sum over all label sequences; 0 for an empty one.

    Args:
        scores: (N, L) packed.
        chain: The other scores.
        packing: Of the batch.
        batch: B.
    """
    if chain.width() <= WIDEST:
        return _Scaled.apply(scores, *chain, packing, batch)
    sums = _forward_sums(scores.double(), _double(chain), packing)
    ends = torch.logsumexp(sums.index_select(0, packing.last) + chain.end.double(), -1)
    return ends.new_zeros(batch).index_copy(0, packing.order, ends)


def marginals(scores: Tensor, chain: Potentials, packing: Packing) -> Tensor:
    """Return (N, L) the probability of each label at each step; no gradient.

    Zero where every label sequence is forbidden.
    """
    if chain.width() <= WIDEST:
        ahead, constants, _ = _forward(scores, chain, packing)
        return ahead.mul_(_backward(scores, chain, packing, ahead, constants)[0])
    wide, wide_chain = scores.double(), _double(chain)
    total = _forward_sums(wide, wide_chain, packing) + _backward_sums(wide, wide_chain, packing)
    # Without any legal sequence there is no distribution: zero.
    return total.softmax(-1).nan_to_num_(0.0).to(scores.dtype)


def best_paths(
    scores: Tensor, chain: Potentials, packing: Packing, count: int
) -> tuple[Tensor, Tensor]:
    """Return the `count` best label sequences of each sequence, the best first.

    Returns:
        (count, N) labels, and (count, B') their scores, `NEVER` where there are no so many.
    """
    steps = packing.per_step(scores)
    best = (chain.start + steps[0])[..., None]
    best = torch.cat([best, best.new_full((*best.shape[:2], count - 1), NEVER)], -1)
    # What is taken off at each step, in doubles: or long paths would round away what tells them.
    taken = best.new_zeros(len(best), dtype=torch.float64)
    back: list[Tensor] = []  # (rows, L, count) places in the (L, count) of the step before
    ends: list[tuple[Tensor, Tensor]] = [(best, taken)]
    for step in steps[1:]:
        rows = len(step)
        ends[-1] = (best[rows:], taken[rows:])
        # (rows, L to, L from, count)
        candidates = best[:rows, None] + chain.transitions.T[None, :, :, None]
        best, place = _top(candidates.flatten(2), count)
        best = best + step[..., None]
        peak = best[..., 0].amax(-1).clamp_min(_LOWEST)
        best, taken = best - peak[:, None, None], taken[:rows] + peak
        back.append(place)
        ends.append((best, taken))
    finals = torch.cat([part for part, _ in reversed(ends)]) + chain.end[:, None]
    total, place = _top(finals.flatten(1), count)
    total = total + torch.cat([part for _, part in reversed(ends)])[:, None]
    return _trace_back(place, back, packing.sizes, count), total.T


def _top(values: Tensor, count: int) -> tuple[Tensor, Tensor]:
    """The largest along the last axis; a plain maximum is much the faster."""
    if count == 1:
        value, place = values.max(-1, keepdim=True)
        return value, place
    few = min(count, values.shape[-1])
    value, place = values.topk(few, -1)
    if few < count:
        missing = (*value.shape[:-1], count - few)
        value = torch.cat([value, value.new_full(missing, NEVER)], -1)
        place = torch.cat([place, place.new_zeros(missing)], -1)
    return value, place


def _trace_back(place: Tensor, back: list[Tensor], sizes: list[int], count: int) -> Tensor:
    """(count, N) labels from the places where the paths end, (B', count)."""
    found: list[Tensor] = []
    for step in range(len(sizes) - 1, -1, -1):
        found.append(place[: sizes[step]] // count)
        if step > 0:
            rows = sizes[step]
            earlier = back[step - 1].flatten(1).gather(1, place[:rows])
            place = torch.cat([earlier, place[rows:]])
    return torch.cat(found[::-1]).T


@final
class _Scaled(torch.autograd.Function):
    """The forward-backward algorithm with each step scaled to sum to one (Rabiner 1989, V.A).

    Its steps are matrix products, where sums of logarithms would need (B, L, L) exponentials.
    """

    @staticmethod
    def forward(
        ctx: Any,
        scores: Tensor,
        transitions: Tensor,
        start: Tensor,
        end: Tensor,
        packing: Packing,
        batch: int,
    ) -> Tensor:
        chain = Potentials(transitions, start, end)
        ahead, constants, logs = _forward(scores, chain, packing)
        ctx.save_for_backward(scores, *chain, ahead, constants)
        ctx.packing, ctx.batch = packing, batch
        total = logs.new_zeros(batch, dtype=torch.float64)
        total.index_add_(0, packing.sequences, logs.double())
        ends = (ahead.index_select(0, packing.last) * (end - end.amax()).exp()).sum(-1)
        ends = ends.double().log() + end.amax()
        return total.index_add_(0, packing.order, ends)

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, *gradients: Tensor) -> tuple[Tensor | None, ...]:
        scores, transitions, start, end, ahead, constants = ctx.saved_tensors
        packing, chain = ctx.packing, Potentials(transitions, start, end)
        weights = gradients[0].to(scores.dtype)
        behind, inward = _backward(scores, chain, packing, ahead, constants)
        probability = ahead * behind * weights[packing.sequences, None]
        firsts = packing.sizes[0] if packing.sizes else 0
        later = inward[firsts:] * weights[packing.sequences[firsts:], None]
        pairs = ahead.index_select(0, packing.before).T @ later
        return (
            probability,
            pairs * (transitions - transitions.amax()).exp(),
            probability[:firsts].sum(0),
            probability.index_select(0, packing.last).sum(0),
            None,
            None,
        )


def _forward(scores: Tensor, chain: Potentials, packing: Packing) -> tuple[Tensor, Tensor, Tensor]:
    """Return the scaled forward sums (N, L), their constants (N, 1), and the logarithms (N,) that
    were scaled away."""
    top = scores.amax(-1, keepdim=True)
    ahead = (scores - top).exp_()
    peak = chain.transitions.amax()
    table = (chain.transitions - peak).exp_()
    constants = torch.empty_like(top)
    steps, scales = packing.per_step(ahead), packing.per_step(constants)
    before = None
    for step, scale in zip(steps, scales, strict=True):
        arriving = (
            (chain.start - chain.start.amax()).exp()
            if before is None
            else before[: len(step)] @ table
        )
        step.mul_(arriving)
        torch.sum(step, -1, keepdim=True, out=scale)
        before = step.div_(scale)
    logs = (constants.log() + top).squeeze(-1)
    firsts = packing.sizes[0] if packing.sizes else 0
    logs[:firsts] += chain.start.amax()
    logs[firsts:] += peak
    return ahead, constants, logs


def _backward(
    scores: Tensor, chain: Potentials, packing: Packing, ahead: Tensor, constants: Tensor
) -> tuple[Tensor, Tensor]:
    """Return the scaled backward sums (N, L), and what each step sends back (N, L)."""
    table = (chain.transitions - chain.transitions.amax()).exp_().T
    ends = (chain.end - chain.end.amax()).exp()
    behind = torch.empty_like(ahead)
    behind[packing.last] = ends / (ahead.index_select(0, packing.last) * ends).sum(-1, keepdim=True)
    inward = (scores - scores.amax(-1, keepdim=True)).exp_().div_(constants)
    steps, sent = packing.per_step(behind), packing.per_step(inward)
    for step in range(len(steps) - 1, -1, -1):
        sent[step].mul_(steps[step])
        if step > 0:
            torch.mm(sent[step], table, out=steps[step - 1][: len(sent[step])])
    return behind, inward


def _forward_sums(scores: Tensor, chain: Potentials, packing: Packing) -> Tensor:
    """(N, L) logarithms of the forward sums, for scores of any range; differentiable."""
    steps = packing.per_step(scores)
    sums: list[Tensor] = []
    for step in steps:
        arriving = (
            torch.logsumexp(sums[-1][: len(step), :, None] + chain.transitions, 1)
            if sums
            else chain.start
        )
        sums.append(arriving + step)
    return torch.cat(sums) if sums else scores


def _backward_sums(scores: Tensor, chain: Potentials, packing: Packing) -> Tensor:
    """(N, L) logarithms of the backward sums."""
    steps = packing.per_step(scores)
    sums: list[Tensor] = []
    for place in range(len(steps) - 1, -1, -1):
        ending = chain.end.expand(packing.sizes[place], -1)
        if sums:
            onward = (steps[place + 1] + sums[-1])[:, None]
            going = torch.logsumexp(onward + chain.transitions, -1)
            ending = torch.cat([going, ending[len(going) :]])
        sums.append(ending)
    return torch.cat(sums[::-1]) if sums else scores


def _double(chain: Potentials) -> Potentials:
    return Potentials(*(part.double() for part in chain))
