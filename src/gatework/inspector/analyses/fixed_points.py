"""Fixed and slow points: states that stay where they are while the input stays the same.

Minimise q(s) = |F(s, x) - s|^2 / 2 from states that the network visited (Sussillo & Barak 2013;
Golub & Sussillo 2018), for s = (h, c) together; then Newton's method makes the points sharp. The
eigenvalues of dF/ds at a point say how the network moves about it: tau = 1 / |log |lambda||.
"""

from typing import NamedTuple, final

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.func import jacrev, vmap

from gatework.cells import State
from gatework.errors import InputError
from gatework.inspector.analyses.steps import Steps
from gatework.inspector.trace import Array, PassTrace

READING = (
    "Every dot is a state that would not move, or hardly, if the input stayed as it is. A stable "
    "one (all eigenvalues inside the circle) is something the network can hold: two of them are a "
    "switch, a row of slow ones is a counter or a dial. One unstable direction marks a border "
    "between two memories. The time constants say how many steps the network takes to come back, "
    "or to leave. They are of one constant input: another has other points. Points that no start "
    "found may still be there."
)


class FixedPoints(NamedTuple):
    """The points found, those reached from most starts first; S is the size of all states.

    Attributes:
        points: (K, S) the states, in the order of the cell's.
        q: (K,) |F(s) - s|^2 / 2: 0 at a fixed point, small at a slow one.
        is_fixed: (K,) whether it is a fixed point to rounding.
        is_stable: (K,) whether all eigenvalues lie inside the unit circle.
        eigenvalues: (K, S) complex, largest modulus first.
        timescales: (K, S) of each, in steps; infinite at modulus 1.
        starts: (K,) how many starts ended there.
        lost: how many ended nowhere slow.
        x: (I,) the input that was held.
    """

    points: Array
    q: Array
    is_fixed: NDArray[np.bool_]
    is_stable: NDArray[np.bool_]
    eigenvalues: NDArray[np.complex128]
    timescales: Array
    starts: NDArray[np.int64]
    lost: int
    x: Array


def fixed_points(
    made: PassTrace,
    x: Array | None = None,
    *,
    starts: int = 64,
    updates: int = 300,
    slow: float = 1e-6,
    apart: float = 1e-3,
    seed: int = 0,
) -> FixedPoints:
    """Look for fixed and slow points from states that a recorded layer visited.

    Args:
        made: a layer and direction of a trace.
        x: (I,) the input to hold; the mean of what the layer read if None.
        starts: how many visited states to start from, each moved a little.
        updates: of Adam, before Newton's method.
        slow: points with a larger q are dropped.
        apart: points nearer than this are one.
        seed: chooses the starts.

    Raises:
        InputError: the trace has no finite step, or x does not fit.

    Example:
        >>> import torch, gatework
        >>> trace = gatework.trace(gatework.GRU(3, 4), torch.randn(50, 2, 3))
        >>> found = fixed_points(trace[""].find(), starts=16)
        >>> found.points.shape, found.is_stable.tolist()
        ((1, 4), [True])
    """
    states = np.concatenate([made.values[name] for name in made.cell.states], axis=1)
    finite = np.isfinite(states).all(axis=1)
    states = states[finite].astype(np.float64)
    if len(states) == 0:
        raise InputError("the trace has no step with finite states to start from.")
    given = made.inputs[finite].mean(axis=0) if x is None else x
    held: Array = np.array(given, dtype=np.float64)
    if held.shape != made.inputs.shape[1:] or not np.isfinite(held).all():
        raise InputError(
            f"x has shape {held.shape}; expected {made.inputs.shape[1:]} finite numbers, an input "
            "of the layer."
        )
    field = _Field(made, torch.from_numpy(held))
    generator = np.random.default_rng(seed)
    chosen = states[generator.integers(0, len(states), starts)]
    chosen = chosen + 0.1 * generator.standard_normal(chosen.shape)
    ended = _sharpened(field, _descended(field, torch.from_numpy(chosen), updates))
    q = field.q(ended).detach()
    kept = ended[q < slow]
    points, counts = _distinct(kept, q[q < slow], apart)
    eigenvalues = torch.linalg.eigvals(field.jacobians(points)).numpy()
    modulus = np.abs(eigenvalues)
    order = np.argsort(-modulus, axis=1, kind="stable")
    eigenvalues = np.take_along_axis(eigenvalues, order, axis=1)
    modulus = np.take_along_axis(modulus, order, axis=1)
    with np.errstate(divide="ignore"):
        timescales = 1 / np.abs(np.log(modulus))
    speed = field.q(points).detach().numpy()
    is_stable: NDArray[np.bool_] = np.array((modulus < 1).all(axis=1))
    return FixedPoints(
        points.numpy(), speed, speed < 1e-20, is_stable, eigenvalues, timescales,
        counts, starts - len(kept), held,
    )  # fmt: skip


@final
class _Field:
    """Where each state would be one step later, were the input the same."""

    def __init__(self, made: PassTrace, x: Tensor) -> None:
        params = {name: torch.from_numpy(value).double() for name, value in made.params.items()}
        self.steps = Steps(made.cell, params, False, x.unsqueeze(0), (), ())
        self.sizes = [made.values[name].shape[1] for name in made.cell.states]

    def __call__(self, states: Tensor) -> Tensor:
        """(N, S) to (N, S)."""
        old: State = states.split(self.sizes, dim=1)
        return torch.cat(self.steps.update(old, x=self.steps.x.expand(len(states), -1)), dim=1)

    def q(self, states: Tensor) -> Tensor:
        """(N,)."""
        return (self(states) - states).square().sum(dim=1) / 2

    def jacobians(self, states: Tensor) -> Tensor:
        """(N, S, S)."""
        if len(states) == 0:
            return states.new_zeros(0, states.shape[1], states.shape[1])
        return vmap(jacrev(lambda state: self(state.unsqueeze(0))[0]))(states)


def _descended(field: _Field, states: Tensor, updates: int) -> Tensor:
    """Adam on q, all starts at once, with a rate that falls to nothing."""
    moving = states.clone().requires_grad_()
    optimizer = torch.optim.Adam([moving], lr=0.05)
    schedule = torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, max(updates, 1))
    for _ in range(updates):
        optimizer.zero_grad()
        field.q(moving).sum().backward()
        optimizer.step()
        schedule.step()
    return moving.detach()


def _sharpened(field: _Field, states: Tensor, iterations: int = 12) -> Tensor:
    """Newton's method on F(s) - s; a step that does not lessen q is not taken."""
    eye = torch.eye(states.shape[1], dtype=states.dtype)
    for _ in range(iterations):
        away = field(states) - states
        step, failed = torch.linalg.solve_ex(eye - field.jacobians(states), away)
        moved = states + step.where((failed == 0).unsqueeze(1), 0.0)
        better = (field.q(moved) < field.q(states)).unsqueeze(1)
        if not bool(better.any()):
            break
        states = moved.where(better, states)
    return states.detach()


def _distinct(states: Tensor, q: Tensor, apart: float) -> tuple[Tensor, NDArray[np.int64]]:
    """The sharpest of each heap of points, the largest heap first, and how many each has."""
    order = torch.argsort(q, stable=True)
    centres: list[Tensor] = []
    counts: list[int] = []
    for state in states[order]:
        near = [at for at, centre in enumerate(centres) if bool((centre - state).norm() < apart)]
        if near:
            counts[near[0]] += 1
        else:
            centres.append(state)
            counts.append(1)
    found = np.array(counts, dtype=np.int64)
    largest = np.argsort(-found, kind="stable")
    points = torch.stack(centres) if centres else states[:0]
    return points[torch.from_numpy(largest)], found[largest]
