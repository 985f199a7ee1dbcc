"""The linear-chain conditional random field (Lafferty et al. 2001): labels that know each other."""

from collections.abc import Sequence
from typing import NamedTuple, final

import torch
from torch import Tensor, nn

from gatework.errors import InputError
from gatework.layers.chain import (
    NEVER,
    Packing,
    Potentials,
    log_likelihood,
    log_partition,
    marginals,
)
from gatework.layers.viterbi import best_path, best_paths


class Allowed(NamedTuple):
    """Which labels may follow which: bool (L, L) from row to column, (L,) first, (L,) last."""

    transitions: Tensor
    start: Tensor
    end: Tensor


class Paths(NamedTuple):
    """Label sequences of each member of a batch, the likeliest first.

    Attributes:
        labels: (K, T, B) int64, -1 past a length.
        log_probabilities: (K, B) float64 among the legal sequences; -inf where there are fewer
            than K of them.
    """

    labels: Tensor
    log_probabilities: Tensor


@final
class CRF(nn.Module):
    """A distribution over label sequences: p(y) is proportional to exp of the sum of

    start[y_1] + end[y_T] + the emissions at (t, y_t) + transitions[y_{t-1}, y_t].

    Sums over all sequences are exact. Batches are ragged: nothing past a length is read, and a
    sequence's results do not depend on the others. Length 0 is legal. What `allowed` forbids is
    forbidden in answers (`best`, `marginals`), not in the likelihood, which learns from all.

    Args:
        num_labels: L.
        allowed: What may follow what in an answer; None allows all.

    Example:
        >>> crf = CRF(5)
        >>> emissions, labels = torch.randn(7, 2, 5), torch.randint(5, (7, 2))
        >>> loss = -crf(emissions, labels, lengths=[4, 7]).sum() / 11
        >>> loss.backward()
        >>> crf.best(emissions, lengths=[4, 7]).labels.shape
        torch.Size([1, 7, 2])
    """

    def __init__(self, num_labels: int, allowed: Allowed | None = None) -> None:
        super().__init__()
        if num_labels < 1:
            raise InputError(f"num_labels is {num_labels}; expected 1 or more.")
        self.num_labels = num_labels
        self.transitions = nn.Parameter(torch.zeros(num_labels, num_labels))
        self.start = nn.Parameter(torch.zeros(num_labels))
        self.end = nn.Parameter(torch.zeros(num_labels))
        everything = (self.transitions, self.start, self.end)
        for name, all_of, given in zip(
            Allowed._fields, everything, allowed or (None,) * 3, strict=True
        ):
            mask = torch.ones(all_of.shape, dtype=torch.bool) if given is None else given
            if mask.shape != all_of.shape or mask.dtype != torch.bool:
                raise InputError(
                    f"allowed.{name} is {mask.dtype} {tuple(mask.shape)}; expected torch.bool "
                    f"{tuple(all_of.shape)}."
                )
            self.register_buffer(f"allowed_{name}", mask.clone(), persistent=False)
        self.is_free = allowed is None or all(bool(mask.all()) for mask in allowed)

    def extra_repr(self) -> str:
        """The number of labels."""
        return str(self.num_labels)

    def forward(
        self, emissions: Tensor, labels: Tensor, lengths: Tensor | Sequence[int] | None = None
    ) -> Tensor:
        """Return (B,) float64 log-likelihoods of label sequences, of no constraint.

        Args:
            emissions: (T, B, L) scores.
            labels: (T, B) int64; past a length anything may stand.
            lengths: (B,) steps of each sequence; all T if None.

        Raises:
            InputError: A shape, length or label does not fit.
        """
        packing = self._packing(emissions, lengths)
        if labels.shape != emissions.shape[:2]:
            raise InputError(
                f"labels have shape {tuple(labels.shape)}; expected (T, B) = "
                f"{tuple(emissions.shape[:2])}."
            )
        flat = packing.pack(labels)
        if len(flat):
            low, high = map(int, flat.aminmax())
            if not 0 <= low <= high < self.num_labels:
                wrong = flat[(flat < 0) | (flat >= self.num_labels)][0]
                raise InputError(f"a label is {wrong}; expected 0 to {self.num_labels - 1}.")
        with torch.autocast(emissions.device.type, enabled=False):
            scores = self._packed(emissions, packing)
            return log_likelihood(scores, flat, self._potentials(), packing)

    @torch.no_grad()
    def decode(self, emissions: Tensor, lengths: Tensor | Sequence[int] | None = None) -> Tensor:
        """Return (T, B) the likeliest legal label sequences (Viterbi 1967), -1 past a length.

        Args:
            emissions: (T, B, L) scores.
            lengths: (B,) steps of each sequence; all T if None.

        Raises:
            InputError: A shape or length does not fit.
        """
        packing = self._packing(emissions, lengths)
        shape = (emissions.shape[0], emissions.shape[1])
        if not packing.sizes:
            return torch.full(shape, -1, device=emissions.device)
        found, total = best_path(self._packed(emissions, packing), self._legal(), packing)
        labels = packing.unpack(found, shape, fill=-1)
        labels[:, packing.order[total == NEVER]] = -1
        return labels

    @torch.no_grad()
    def best(
        self, emissions: Tensor, lengths: Tensor | Sequence[int] | None = None, *, count: int = 1
    ) -> Paths:
        """Return the likeliest legal label sequences and how probable they are: Viterbi's algorithm
        with the best `count` paths to each label in place of the best one, which is exact too.

        Args:
            emissions: (T, B, L) scores.
            lengths: (B,) steps of each sequence; all T if None.
            count: K, how many sequences.

        Raises:
            InputError: A shape or length does not fit, or count is below 1.
        """
        if count < 1:
            raise InputError(f"count is {count}; expected 1 or more.")
        packing = self._packing(emissions, lengths)
        steps, batch, _ = emissions.shape
        labels = torch.full((count, steps, batch), -1, device=emissions.device)
        # An empty sequence has one labelling, which is certain.
        logs = torch.full((count, batch), NEVER, dtype=torch.float64, device=emissions.device)
        logs[0] = 0
        if not packing.sizes:
            return Paths(labels, logs)
        # In doubles: a probability is the difference of two sums over the whole sequence.
        scores = packing.pack(emissions).double()
        legal = Potentials(*(part.double() for part in self._legal()))
        found, totals = best_paths(scores, legal, packing, count)
        normal = log_partition(scores, legal, packing)[packing.order]
        logs[:, packing.order] = torch.where(totals == NEVER, NEVER, totals - normal)
        for path, flat in zip(labels, found, strict=True):
            path.flatten().index_copy_(0, packing.cells, flat)
        labels[(logs == NEVER)[:, None].expand_as(labels)] = -1
        return Paths(labels, logs)

    @torch.no_grad()
    def marginals(self, emissions: Tensor, lengths: Tensor | Sequence[int] | None = None) -> Tensor:
        """Return (T, B, L) the probability of each label at each step among the legal sequences,
        zero past a length.

        Args:
            emissions: (T, B, L) scores.
            lengths: (B,) steps of each sequence; all T if None.

        Raises:
            InputError: A shape or length does not fit.
        """
        packing = self._packing(emissions, lengths)
        if not packing.sizes:
            return torch.zeros_like(emissions)
        with torch.autocast(emissions.device.type, enabled=False):
            found = marginals(self._packed(emissions, packing), self._legal(), packing)
        return packing.unpack(found, (emissions.shape[0], emissions.shape[1]))

    def _packed(self, emissions: Tensor, packing: Packing) -> Tensor:
        """(N, L) scores, as exact as the parameters: autocast makes bfloat16 of emissions."""
        return packing.pack(emissions).to(self.transitions.dtype)

    def _potentials(self) -> Potentials:
        return Potentials(self.transitions, self.start, self.end)

    def _legal(self) -> Potentials:
        if self.is_free:
            return self._potentials()
        return Potentials(
            *(
                part.masked_fill(~self.get_buffer(f"allowed_{name}"), NEVER)
                for name, part in self._potentials()._asdict().items()
            )
        )

    def _packing(self, emissions: Tensor, lengths: Tensor | Sequence[int] | None) -> Packing:
        if emissions.ndim != 3 or emissions.shape[-1] != self.num_labels:
            raise InputError(
                f"emissions have shape {tuple(emissions.shape)}; expected (T, B, "
                f"{self.num_labels})."
            )
        steps, batch, _ = emissions.shape
        if lengths is None:
            lengths = torch.full((batch,), steps)
        lengths = torch.as_tensor(lengths)
        if lengths.shape != (batch,):
            raise InputError(
                f"lengths has shape {tuple(lengths.shape)}; expected (B,) = ({batch},)."
            )
        wrong = (lengths < 0) | (lengths > steps)
        if wrong.any():
            place = int(wrong.nonzero()[0])
            raise InputError(f"lengths[{place}] is {lengths[place]}; expected 0 to T = {steps}.")
        return Packing.of(lengths, emissions.device)
