"""Sums over all label sequences of ragged batches: the arithmetic under `CRF`.

Steps are packed, so that padding is never read: sequences in falling order of length, the rows of
a step side by side. N is the number of real steps, L that of labels.
"""

from typing import Any, Final, NamedTuple, final

import numpy as np
import torch
from torch import Tensor
from torch.autograd.function import once_differentiable

# Between e**-60 and 1 a float32 sum of products loses nothing: what underflows is under 1e-38.
WIDEST: Final = 60.0
NEVER: Final = float("-inf")


class Potentials(NamedTuple):
    """The scores of a chain that do not depend on the place: (L, L) from row to column, (L,), (L,).

    `NEVER` forbids.
    """

    transitions: Tensor
    start: Tensor
    end: Tensor

    def width(self) -> float:
        """Return the widest range of scores in one of the three."""
        ranges = [part.detach().aminmax() for part in self]
        return max(float(high - low) for low, high in ranges)


class Packing(NamedTuple):
    """Which cell of a padded (T, B) batch each packed row is.

    Attributes:
        cells: (N,) places in the flattened batch.
        sequences: (N,) place in the batch of each row's sequence.
        before: (N - B',) the row one step earlier, of every row that is not a first step.
        last: (B',) the last row of each sequence that has one, longest first.
        order: (B',) those sequences' places in the batch.
        sizes: Rows at each step.
        batch: B.
    """

    cells: Tensor
    sequences: Tensor
    before: Tensor
    last: Tensor
    order: Tensor
    sizes: list[int]
    batch: int

    @property
    def firsts(self) -> int:
        """B', the sequences that have a first step."""
        return len(self.order)

    @classmethod
    def of(cls, lengths: Tensor, device: torch.device) -> "Packing":
        """Pack sequences of these (B,) lengths."""
        # In NumPy, whose calls on a few hundred numbers take a fraction of torch's.
        counts = lengths.detach().cpu().long().numpy()
        order = np.argsort(-counts, kind="stable")[: np.count_nonzero(counts)]
        ranked = counts[order]
        firsts, steps = len(order), np.arange(ranked[0] if len(order) else 0)
        step_of, rank = np.nonzero(ranked > steps[:, None])
        sizes = np.bincount(step_of)
        first = sizes.cumsum() - sizes
        sequences = order[rank]
        rows = (
            step_of * len(counts) + sequences,
            sequences,
            first[step_of[firsts:] - 1] + rank[firsts:],
            first[ranked - 1] + np.arange(firsts),
            order,
        )
        tensors = [torch.from_numpy(each).to(device) for each in rows]
        return cls(*tensors, sizes=sizes.tolist(), batch=len(counts))

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


def log_likelihood(scores: Tensor, labels: Tensor, chain: Potentials, packing: Packing) -> Tensor:
    """Return (B,) float64 log-probabilities of label sequences; 0 for an empty one.

    Args:
        scores: (N, L) packed.
        labels: (N,) packed.
        chain: The other scores.
        packing: Of the batch.
    """
    if chain.width() <= WIDEST:
        return _Scaled.apply(scores, labels, *chain, packing)
    steps, ends = _chosen(scores, labels, chain, packing)
    return _joined(steps, ends.double() - _wide_partition(scores, chain, packing), packing)


@torch.no_grad()
def log_partition(scores: Tensor, chain: Potentials, packing: Packing) -> Tensor:
    """Return (B,) float64 log of the sum over all label sequences, 0 for an empty one; no gradient.

    Args:
        scores: (N, L) packed.
        chain: The other scores.
        packing: Of the batch.
    """
    if chain.width() <= WIDEST:
        sums = _forward(scores, chain, packing)
        return _joined(sums.logs, _last_sums(sums, chain, packing), packing)
    ends = _wide_partition(scores, chain, packing)
    return _joined(ends.new_zeros(len(scores)), ends, packing)


@torch.no_grad()
def marginals(scores: Tensor, chain: Potentials, packing: Packing) -> Tensor:
    """Return (N, L) the probability of each label at each step; no gradient.

    Zero where every label sequence is forbidden.
    """
    if chain.width() <= WIDEST:
        sums = _forward(scores, chain, packing)
        return _backward(sums, chain, packing)[0].mul_(sums.ahead)
    wide, wide_chain = scores.double(), _double(chain)
    total = _forward_sums(wide, wide_chain, packing) + _backward_sums(wide, wide_chain, packing)
    # Without any legal sequence there is no distribution: zero.
    return total.softmax(-1).nan_to_num_(0.0).to(scores.dtype)


@final
class _Scaled(torch.autograd.Function):
    """`log_likelihood` by the forward-backward algorithm with each step scaled to sum to one
    (Rabiner 1989, V.A).

    Its steps are matrix products, where sums of logarithms would need (B, L, L) exponentials.
    """

    @staticmethod
    def forward(
        ctx: Any,
        scores: Tensor,
        labels: Tensor,
        transitions: Tensor,
        start: Tensor,
        end: Tensor,
        packing: Packing,
    ) -> Tensor:
        chain = Potentials(transitions, start, end)
        sums = _forward(scores, chain, packing)
        ctx.save_for_backward(labels, *chain, *sums)
        ctx.packing = packing
        steps, ends = _chosen(scores, labels, chain, packing)
        ends = ends.double() - _last_sums(sums, chain, packing)
        return _joined(steps - sums.logs, ends, packing)

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, *gradients: Tensor) -> tuple[Tensor | None, ...]:
        labels, transitions, start, end, *kept = ctx.saved_tensors
        chain, sums = Potentials(transitions, start, end), _Sums(*kept)
        packing: Packing = ctx.packing
        firsts = packing.firsts
        weights = gradients[0].to(sums.ahead.dtype).index_select(0, packing.sequences)[:, None]
        behind, inward = _backward(sums, chain, packing)
        # What is chosen, less what was expected: of labels, then of pairs of labels.
        each = behind.mul_(sums.ahead).mul_(weights).neg_()
        each.scatter_add_(1, labels[:, None], weights)
        later = inward[firsts:].mul_(weights[firsts:])
        pairs = sums.ahead.index_select(0, packing.before).T @ later
        pairs.mul_(_table(transitions)).neg_()
        which = _pairs(labels, packing, len(transitions))
        pairs.view(-1).index_add_(0, which, weights[firsts:, 0])
        return (
            each,
            None,
            pairs,
            each[:firsts].sum(0),
            each.index_select(0, packing.last).sum(0),
            None,
        )


class _Sums(NamedTuple):
    """Forward sums, scaled.

    Attributes:
        ahead: (N, L) them, of each step in sum one.
        weights: (N, L) exponentials of the scores, the largest of a step one.
        constants: (N, 1) what each step was divided by.
        logs: (N,) logarithms of all that was scaled away.
    """

    ahead: Tensor
    weights: Tensor
    constants: Tensor
    logs: Tensor


def _forward(scores: Tensor, chain: Potentials, packing: Packing) -> _Sums:
    top = scores.amax(-1, keepdim=True)
    weights = (scores - top).exp_()
    ahead, constants = torch.empty_like(weights), torch.empty_like(top)
    table = _table(chain.transitions)
    arriving = (chain.start - chain.start.amax()).exp()
    before = ahead
    steps = zip(*map(packing.per_step, (weights, ahead, constants)), packing.sizes, strict=True)
    for place, (weight, step, scale, size) in enumerate(steps):
        if place > 0:
            arriving = before[:size] @ table
        torch.mul(weight, arriving, out=step)
        torch.sum(step, -1, keepdim=True, out=scale)
        before = step.div_(scale)
    logs = (constants.log() + top).squeeze(-1)
    logs[: packing.firsts] += chain.start.amax()
    logs[packing.firsts :] += chain.transitions.amax()
    return _Sums(ahead, weights, constants, logs)


def _backward(sums: _Sums, chain: Potentials, packing: Packing) -> tuple[Tensor, Tensor]:
    """Return the scaled backward sums (N, L), and what each step sends back (N, L)."""
    table = _table(chain.transitions).T
    ends = (chain.end - chain.end.amax()).exp()
    behind = torch.empty_like(sums.ahead)
    last = sums.ahead.index_select(0, packing.last)
    behind.index_copy_(0, packing.last, ends / (last @ ends)[:, None])
    inward = sums.weights / sums.constants
    steps, sent = packing.per_step(behind), packing.per_step(inward)
    for place in range(len(steps) - 1, 0, -1):
        sent[place].mul_(steps[place])
        torch.mm(sent[place], table, out=steps[place - 1][: packing.sizes[place]])
    return behind, inward


def _table(transitions: Tensor) -> Tensor:
    return (transitions - transitions.amax()).exp_()


def _last_sums(sums: _Sums, chain: Potentials, packing: Packing) -> Tensor:
    """(B',) float64 logarithms of what the last steps leave."""
    top = chain.end.amax()
    return (sums.ahead.index_select(0, packing.last) @ (chain.end - top).exp()).double().log() + top


def _chosen(
    scores: Tensor, labels: Tensor, chain: Potentials, packing: Packing
) -> tuple[Tensor, Tensor]:
    """The scores of given labels (N,): of each step with what leads to it (N,), of ends (B',)."""
    steps = scores.gather(1, labels[:, None]).squeeze(1)
    # gather, for its backward pass is a quarter of indexing's.
    pairs = chain.transitions.flatten().gather(0, _pairs(labels, packing, len(chain.transitions)))
    arriving = torch.cat([chain.start.gather(0, labels[: packing.firsts]), pairs])
    return steps + arriving, chain.end.gather(0, labels[packing.last])


def _pairs(labels: Tensor, packing: Packing, count: int) -> Tensor:
    """(N - B',) places in the flattened transitions of labels (N,) that follow one another."""
    return labels.index_select(0, packing.before) * count + labels[packing.firsts :]


def _joined(steps: Tensor, ends: Tensor, packing: Packing) -> Tensor:
    """(B,) float64 sums of (N,) values of steps, and of (B',) of the sequences that have any."""
    found = steps.new_zeros(packing.batch, dtype=torch.float64)
    found = found.index_add(0, packing.sequences, steps.double())
    return found.index_add(0, packing.order, ends)


def _wide_partition(scores: Tensor, chain: Potentials, packing: Packing) -> Tensor:
    """(B',) float64 logarithms of the sums over all label sequences; differentiable."""
    sums = _forward_sums(scores.double(), _double(chain), packing)
    return torch.logsumexp(sums.index_select(0, packing.last) + chain.end.double(), -1)


def _forward_sums(scores: Tensor, chain: Potentials, packing: Packing) -> Tensor:
    """(N, L) logarithms of the forward sums, for scores of any range; differentiable."""
    sums: list[Tensor] = []
    for size, step in zip(packing.sizes, packing.per_step(scores), strict=True):
        arriving = (
            torch.logsumexp(sums[-1][:size, :, None] + chain.transitions, 1)
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
