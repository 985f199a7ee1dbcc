"""Two processes with half a batch each (DDP over gloo) have the gradients of one with all of it."""

import os
import subprocess
import sys
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file, save_file
from torch import Tensor, distributed, nn
from torch.nn.parallel import DistributedDataParallel

from gatework.layers import LSTM
from gatework.ops import core

pytestmark = pytest.mark.skipif(
    core.UNAVAILABLE is not None or not distributed.is_gloo_available(),
    reason=f"gloo or the core is missing: {core.UNAVAILABLE}",
)
RANKS = 2
LENGTHS = torch.tensor([7, 0, 3, 5, 7, 1])


class Model(nn.Module):
    """Two ragged layers of both directions and a head."""

    def __init__(self) -> None:
        super().__init__()
        self.lstm = LSTM(5, 8, num_layers=2, bidirectional=True, peephole=True)
        self.head = nn.Linear(16, 1)

    def forward(self, x: Tensor, lengths: Tensor) -> Tensor:
        return self.head(self.lstm(x, lengths=lengths)[0]).square().sum(0).mean()


def gradients(model: nn.Module, x: Tensor, lengths: Tensor) -> list[Tensor]:
    model(x, lengths).backward()
    found = [each.grad for each in model.parameters()]
    assert all(each is not None for each in found)
    return [each for each in found if each is not None]


def run_rank(rank: int, folder: Path) -> None:
    """One process: this file as a script."""
    distributed.init_process_group(
        "gloo", init_method=f"file://{folder / 'store'}", rank=rank, world_size=RANKS
    )
    torch.manual_seed(7 * rank)  # DDP itself gives all ranks the weights of the first
    model = DistributedDataParallel(Model())
    share = slice(rank * 3, rank * 3 + 3)
    x = load_file(folder / "x.safetensors")["x"]
    found = gradients(model, x[:, share].contiguous(), LENGTHS[share])
    save_file({str(k): each for k, each in enumerate(found)}, folder / f"{rank}.safetensors")
    distributed.destroy_process_group()


def test_two_processes_have_the_gradients_of_one(tmp_path: Path) -> None:
    x = torch.randn(7, 6, 5)
    save_file({"x": x}, tmp_path / "x.safetensors")
    ranks = [
        subprocess.Popen([sys.executable, __file__, str(rank), str(tmp_path)])
        for rank in range(RANKS)
    ]
    assert [each.wait(timeout=120) for each in ranks] == [0] * RANKS
    torch.manual_seed(0)
    alone = gradients(Model(), x, LENGTHS)
    for rank in range(RANKS):
        found = load_file(tmp_path / f"{rank}.safetensors")
        for k, expected in enumerate(alone):
            torch.testing.assert_close(found[str(k)], expected, rtol=1e-4, atol=1e-6)


if __name__ == "__main__":
    run_rank(int(sys.argv[1]), Path(sys.argv[2]))
    # Threads of gloo may outlive the group, and abort if they free a tensor while the interpreter
    # ends (pytorch/pytorch#179291): there is nothing left for it to do.
    os._exit(0)
