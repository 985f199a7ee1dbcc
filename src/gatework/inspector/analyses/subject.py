"""A model's answer as a function of what one of its recurrent layers reads and does.

The model may be anything that holds recurrent layers, ours or torch's; whatever is under the layer
(an embedding, a convolution) and above it (a head, an attention) runs as it is.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, final

import torch
from torch import Tensor, nn

from gatework.cells import State
from gatework.errors import InputError
from gatework.inspector.analyses.interventions import Edits
from gatework.inspector.analyses.rerun import run_stack
from gatework.inspector.analyses.rewire import Entry, Exit, rewired
from gatework.inspector.record import recording
from gatework.inspector.trace import Recording
from gatework.layers import AbstractRecurrent, replica, survey

Score = Callable[[Any], Tensor]
NO_EDITS: Edits = {}


@final
@dataclass(frozen=True, eq=False)
class Subject:
    """A model, its inputs, one of its recurrent layers, and the number that is to be explained.

    `subject` makes one; every analysis that runs the model again takes one.

    Attributes:
        model: the model.
        inputs: what it is called with.
        options: by name, what else.
        score: from the model's output to one number for each sequence, (B,), or one in all.
        path: where the layer is.
        call: which call of it in the forward pass, from 0.
        layer: the layer, or ours with the weights of torch's.
        entry: what it was given.
    """

    model: nn.Module
    inputs: tuple[Any, ...]
    options: Mapping[str, Any]
    score: Score
    path: str
    call: int
    layer: AbstractRecurrent
    entry: Entry

    @property
    def lengths(self) -> Tensor:
        """(B,) the steps of each sequence."""
        time, batch = self.entry.x.shape[:2]
        given = self.entry.lengths
        return torch.full((batch,), time) if given is None else given.cpu()

    def run(
        self,
        x: Tensor | None = None,
        state: State | None = None,
        edits: Edits = NO_EDITS,
        leave: Callable[[Exit], Exit] | None = None,
    ) -> Tensor:
        """The score, (B,) or (1,), were the layer to read this and to be changed so.

        Args:
            x: (T, B, I) in place of what the layer read.
            state: the initial states, each (L * D, B, size), in place of its own.
            edits: changes inside the layer, by (layer, reverse).
            leave: changes what the layer gives.
        """

        def rerun(layer: AbstractRecurrent, entry: Entry) -> Exit:
            given = Entry(
                entry.x if x is None else x, entry.state if state is None else state, entry.lengths
            )
            made = Exit(*run_stack(layer, *given, edits))
            return made if leave is None else leave(made)

        with rewired(self.model, self.path, self.call, rerun):
            answer = self.model(*self.inputs, **self.options)
        return _scores(self.score(answer))

    def recording(self) -> Recording:
        """What the layer does, unchanged, in this call."""
        with recording(self.model) as recorder:
            self.model(*self.inputs, **self.options)
        return next(
            each
            for each in recorder.trace().recordings
            if (each.path, each.call) == (self.path, self.call)
        )

    def require_scores_by_sequence(self) -> None:
        """Refuse a score that is one number for several sequences.

        Raises:
            InputError: it is.
        """
        batch = self.entry.x.shape[1]
        with torch.no_grad():
            count = len(self.run())
        if count != batch:
            raise InputError(
                f"score gives {count} numbers for {batch} sequences; expected one for each, "
                "(B,), to tell whose steps they are owed to."
            )


def subject(
    model: nn.Module,
    *inputs: Any,
    score: Score | None = None,
    path: str | None = None,
    call: int = 0,
    **options: Any,
) -> Subject:
    """Make ready to explain a number that `model(*inputs, **options)` gives.

    Args:
        model: any module that holds recurrent layers, ours or torch's, or is one.
        inputs: what it is called with.
        score: from its output to one number for each sequence, (B,): a logit, a loss. If None, the
            sum of the output at each sequence's last step, for a model that is itself a recurrent
            layer; the sum over all but the first axis, for one whose output is (B, ...).
        path: the layer to look into, as in the keys of the state dict; the first if None.
        call: which call of it, from 0.
        options: what the model is called with by name: `lengths=...`.

    Raises:
        InputError: there is no such layer or call, or it cannot be run by us.

    Example:
        >>> import torch
        >>> theirs = torch.nn.LSTM(3, 8)
        >>> whole = subject(theirs, torch.randn(10, 2, 3))
        >>> whole.run().shape, whole.run(x=torch.zeros(10, 2, 3)).shape
        (torch.Size([2]), torch.Size([2]))
    """
    found = {each.path: each for each in survey(model).layers}
    if not found:
        raise InputError(f"{type(model).__name__} has no recurrent layer to look into.")
    where = next(iter(found)) if path is None else path
    if where not in found:
        there = ", ".join(repr(each) for each in found)
        raise InputError(f"the model has no recurrent layer {where!r}; it has {there}.")
    module = model.get_submodule(where)
    layer = module if isinstance(module, AbstractRecurrent) else replica(module)
    seen: list[Entry] = []

    def look(layer: AbstractRecurrent, entry: Entry) -> Exit:
        seen.append(Entry(entry.x.detach(), tuple(p.detach() for p in entry.state), entry.lengths))
        return Exit(*run_stack(layer, *entry, NO_EDITS))

    with torch.no_grad(), rewired(model, where, call, look):
        answer = model(*inputs, **options)
    if not seen:
        raise InputError(f"{where or 'the model'} was not called {call + 1} times.")
    if score is None:
        batch = seen[0].x.shape[1]
        score = last_output(layer) if where == "" else _own_output(answer, batch)
    return Subject(model, inputs, options, score, where, call, layer, seen[0])


def _scores(given: Tensor) -> Tensor:
    if given.dim() > 1:
        raise InputError(f"score has shape {tuple(given.shape)}; expected (B,), or one number.")
    return given.reshape(-1)


def last_output(layer: AbstractRecurrent) -> Score:
    """The score of a model that is itself a layer: the sum of each sequence's last output."""
    directions = len(layer.passes) // layer.num_layers

    def score(answer: Any) -> Tensor:
        h = answer[1][0] if isinstance(answer[1], tuple) else answer[1]
        h = h.unsqueeze(1) if h.dim() == 2 else h
        return h[-directions:].sum(dim=(0, 2))

    return score


def _own_output(answer: Any, batch: int) -> Score:
    """The score of a model whose output is (B, ...)."""
    if isinstance(answer, Tensor) and answer.dim() >= 1 and answer.shape[0] == batch:
        return lambda answer: answer.flatten(1).sum(1) if answer.dim() > 1 else answer
    raise InputError(
        f"the model's output is {_described(answer)}; say what number of each sequence is to be "
        "explained: score=lambda output: ... (B,)."
    )


def _described(answer: Any) -> str:
    if isinstance(answer, Tensor):
        return f"a tensor of shape {tuple(answer.shape)}"
    if isinstance(answer, Sequence):
        return f"a {type(answer).__name__} of {len(answer)}"
    return f"a {type(answer).__name__}"
