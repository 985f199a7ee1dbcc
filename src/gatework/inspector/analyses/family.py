"""A model beside its twins: the same model with an RNN, a GRU, an LSTM in the place of its own.

For the vanishing gradient, shown on the user's own data: fresh twins, and twins that were trained
for a little while.
"""

import copy
from collections.abc import Callable, Sequence
from typing import Any, Literal, NamedTuple, final

import torch
from torch import Tensor, nn

from gatework.errors import InputError
from gatework.inspector.analyses.flow import GradientFlow, gradient_flow
from gatework.inspector.analyses.subject import Score, last_output, subject
from gatework.layers import GRU, LSTM, RNN, AbstractRecurrent, replica, survey

READING = (
    "Three networks of the same size on the same data: how much of the error reaches a state k "
    "steps back, before training and after. The RNN's line falls by a fixed factor at each step "
    "whatever the data; the LSTM's and the GRU's lie higher where their gates have learnt to keep. "
    "If all three fall alike after training, the task did not ask for memory, or it was not learnt "
    "yet: look at the losses beside."
)

Kind = Literal["RNN", "GRU", "LSTM"]
Lesson = Callable[[nn.Module], Tensor]


class Family(NamedTuple):
    """The gradient flow of the twins.

    Attributes:
        fresh: by kind, before any training.
        trained: by kind, after it; empty without a lesson.
        losses: by kind, the loss of each update.
    """

    fresh: dict[str, GradientFlow]
    trained: dict[str, GradientFlow]
    losses: dict[str, list[float]]


@final
class Twin(nn.Module):
    """A recurrent layer behind the face of another kind: same arguments, same shape of states.

    Where the face has a c that the layer lacks, it is h; where the layer has one that the face
    lacks, it begins with zero and is not shown.
    """

    def __init__(self, layer: AbstractRecurrent, *, has_c: bool) -> None:
        super().__init__()
        self.layer = layer
        self.has_c = has_c
        for name in ("input_size", "hidden_size", "num_layers", "batch_first", "bidirectional"):
            setattr(self, name, getattr(layer, name))

    def forward(self, input: Any, hx: Any = None, *, lengths: Any = None) -> tuple[Any, Any]:
        """Run the layer."""
        is_lstm = isinstance(self.layer, LSTM)
        if hx is not None:
            h = hx[0] if self.has_c else hx
            c = hx[1] if self.has_c else torch.zeros_like(h)
            hx = (h, c) if is_lstm else h
        output, state = self.layer(input, hx, lengths=lengths)
        h = state[0] if is_lstm else state
        if not self.has_c:
            return output, h
        return output, (h, state[1] if is_lstm else h)

    def flatten_parameters(self) -> None:
        """Do nothing, as all our layers do."""


def twin(model: nn.Module, kind: Kind) -> nn.Module:
    """A copy of `model` with a fresh recurrent layer of `kind` for each of its own.

    Sizes, stacking and directions are those of the layer that it replaces; an LSTM starts with a
    forget bias of 1. An RNN or GRU in the place of a projected LSTM is as wide as its output.

    Raises:
        InputError: the model has no recurrent layer, or one that is a cell of torch's.

    Example:
        >>> import torch
        >>> theirs = torch.nn.LSTM(3, 8)
        >>> y, (h, c) = twin(theirs, "RNN")(torch.randn(5, 2, 3))
        >>> y.shape, h.shape
        (torch.Size([5, 2, 8]), torch.Size([1, 2, 8]))
    """
    copied = copy.deepcopy(model)
    found = survey(copied).layers
    if not found:
        raise InputError(f"{type(model).__name__} has no recurrent layer to make twins of.")
    for each in found:
        module = copied.get_submodule(each.path)
        layer = module if isinstance(module, AbstractRecurrent) else replica(module)
        made = Twin(_fresh(layer, kind), has_c=len(layer.cell.states) > 1)
        if module is copied:
            return made
        for parent in list(copied.modules()):  # wherever it is tied in
            for name, child in parent._modules.items():
                if child is module:
                    parent._modules[name] = made
    return copied


def family(
    model: nn.Module,
    *inputs: Any,
    score: Score | None = None,
    lesson: Lesson | None = None,
    updates: int = 300,
    lr: float = 0.01,
    kinds: Sequence[Kind] = ("RNN", "GRU", "LSTM"),
    **options: Any,
) -> Family:
    """The gradient flow of a model's twins on the same inputs, fresh and trained.

    Args:
        model: any module that holds recurrent layers; its own weights are not looked at.
        inputs: what it is called with.
        score: as for `subject`: the loss whose gradient is to be seen.
        lesson: gives the loss of a batch, drawn anew at each call, for the model it is given.
        updates: how often it is called for each twin.
        lr: Adam's.
        kinds: which twins.
        options: what the model is called with by name.

    Example:
        >>> import torch
        >>> found = family(torch.nn.LSTM(3, 8), torch.randn(50, 2, 3))
        >>> far = {kind: flow.find().mean("hidden")[-1] for kind, flow in found.fresh.items()}
        >>> bool(far["RNN"] < far["LSTM"])
        True
    """
    fresh, trained, losses = {}, {}, {}
    for kind in kinds:
        made = twin(model, kind)
        own = last_output(made.layer) if score is None and isinstance(made, Twin) else score
        fresh[kind] = gradient_flow(subject(made, *inputs, score=own, **options))
        if lesson is not None:
            losses[kind] = _train(made, lesson, updates, lr)
            trained[kind] = gradient_flow(subject(made, *inputs, score=own, **options))
    return Family(fresh, trained, losses)


def _train(model: nn.Module, lesson: Lesson, updates: int, lr: float) -> list[float]:
    model.train()
    optimizer = torch.optim.Adam(model.parameters(), lr=lr)
    losses = []
    for _ in range(updates):
        loss = lesson(model)
        optimizer.zero_grad()
        loss.backward()
        nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        optimizer.step()
        losses.append(loss.item())
    return losses


def _fresh(layer: AbstractRecurrent, kind: Kind) -> AbstractRecurrent:
    weight = next(layer.parameters())
    options: dict[str, Any] = {
        "num_layers": layer.num_layers,
        "bias": layer.bias,
        "batch_first": layer.batch_first,
        "dropout": layer.dropout if layer.num_layers > 1 else 0.0,
        "bidirectional": layer.bidirectional,
        "device": weight.device,
        "dtype": weight.dtype,
    }
    if kind == "LSTM":
        forget_bias = 1.0 if layer.bias else None
        return LSTM(layer.input_size, layer.hidden_size, proj_size=layer.proj_size,
                    forget_bias=forget_bias, **options)  # fmt: skip
    make = {"RNN": RNN, "GRU": GRU}[kind]
    return make(layer.input_size, layer.proj_size or layer.hidden_size, **options)
