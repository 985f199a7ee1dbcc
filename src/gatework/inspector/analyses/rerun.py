"""Running a stack of recurrent layers again, in evaluation mode, with edits at chosen steps."""

import itertools
from collections.abc import Sequence
from dataclasses import dataclass
from typing import final

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional

from gatework.cells import AbstractCell, Params, State
from gatework.errors import InputError
from gatework.inspector.analyses.interventions import AbstractEdit, Edits, Place
from gatework.layers import AbstractRecurrent
from gatework.ops import scan
from gatework.ops.noise import Regularisation


def run_stack(
    layer: AbstractRecurrent, x: Tensor, state: State, lengths: Tensor | None, edits: Edits
) -> tuple[Tensor, State]:
    """Run every layer and direction, changed as `edits` say.

    Args:
        layer: the stack.
        x: (T, B, I).
        state: the initial states, each (L * D, B, size).
        lengths: (B,), or None if all have T steps.
        edits: by (layer, reverse) what changes there.

    Returns:
        The output (T, B, D * P), zero past a length, and the final states, (L * D, B, size).

    Raises:
        InputError: an edit is of a pass, gate, state or unit that is not there.
    """
    unknown = edits.keys() - {(each.layer, each.reverse) for each in layer.passes}
    if unknown:
        raise InputError(f"edits name (layer, reverse) = {min(unknown)}, which the layer has not.")
    finals: list[State] = []
    for _, passes in itertools.groupby(layer.passes, key=lambda each: each.layer):
        outputs = []
        for each in passes:
            noise = layer.regularisers.of_scan(layer.cell, 0, each.index, training=False)
            rerun = _Rerun(layer.cell, layer.params(each), each.reverse, noise, layer.backend)
            own = tuple(part[each.index] for part in state)
            here = edits.get((each.layer, each.reverse), ())
            run = rerun.edited(x, own, lengths, here) if here else rerun.plain(x, own, lengths)
            outputs.append(run[0])
            finals.append(run[1])
        x = torch.cat(outputs, dim=-1)
    return x, tuple(torch.stack(parts) for parts in zip(*finals, strict=True))


@final
@dataclass(frozen=True, eq=False)
class _Rerun:
    """One layer in one direction."""

    cell: AbstractCell
    params: Params
    reverse: bool
    noise: Regularisation | None
    backend: str | None

    def plain(
        self, x: Tensor, state: State, lengths: Tensor | None = None, params: Params | None = None
    ) -> tuple[Tensor, State]:
        """Run it as it is, or with other weights."""
        result = scan(
            self.cell,
            self.params if params is None else params,
            x,
            state,
            lengths,
            reverse=self.reverse,
            regularisation=self.noise,
            backend=self.backend,
        )
        return result.output, result.state

    def edited(
        self, x: Tensor, state: State, lengths: Tensor | None, edits: Sequence[AbstractEdit]
    ) -> tuple[Tensor, State]:
        """Run it with edits; sequences of one length together: edits may count from the end."""
        time, batch = x.shape[:2]
        if lengths is None:
            return self._edited_dense(x, state, edits, torch.arange(batch, device=x.device))
        width = self.cell.state_sizes(self.params)[0]
        output, final = x.new_zeros(time, batch, width), state
        for length in sorted(set(lengths.tolist()) - {0}):
            rows = (lengths == length).nonzero().flatten().to(x.device)
            part = tuple(each.index_select(0, rows) for each in state)
            made, ended = self._edited_dense(x[:length].index_select(1, rows), part, edits, rows)
            padded = functional.pad(made, (0, 0, 0, 0, 0, time - length))
            output = output.index_copy(1, rows, padded)
            final = tuple(f.index_copy(0, rows, e) for f, e in zip(final, ended, strict=True))
        return output, final

    def _edited_dense(
        self, x: Tensor, state: State, edits: Sequence[AbstractEdit], rows: Tensor
    ) -> tuple[Tensor, State]:
        """Whole runs of steps that the same edits change go to one scan each."""
        time = len(x)
        when = np.stack([edit.when(time) for edit in edits])  # (edits, T)
        order = range(time)[::-1] if self.reverse else range(time)
        outputs: list[Tensor] = []
        for active, run in itertools.groupby(order, key=lambda t: tuple(when[:, t])):
            here = [edit for edit, is_active in zip(edits, active, strict=True) if is_active]
            steps = list(run)
            params = self.params
            for edit in here:
                params = edit.params(self.cell, params)
                state = edit.before(self.cell, state)
            stepwise = any(edit.is_stepwise for edit in here)
            for part in [[t] for t in steps] if stepwise else [steps]:
                old = state
                made, state = self.plain(x[min(part) : max(part) + 1], old, params=params)
                for edit in here:
                    state = edit.after(self.cell, old, state, Place(part[0], rows))
                outputs.append(state[0].unsqueeze(0) if stepwise else made)
        return torch.cat(outputs[::-1] if self.reverse else outputs), state
