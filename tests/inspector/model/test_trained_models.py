"""What the analyses say of models trained for tasks with a known answer."""

import pytest
import torch
from torch import Generator, Tensor, nn
from torch.nn import functional

from gatework.inspector.analyses.agreement import attributions, top_steps
from gatework.inspector.analyses.family import family
from gatework.inspector.analyses.flow import gradient_flow
from gatework.inspector.analyses.subject import subject
from inspector.trained import Adder, adding, trained_adder


def test_the_gradient_of_an_rnn_vanishes_and_that_of_an_lstm_does_not():
    drawn = adding(120, 16, Generator().manual_seed(7))
    far = {}
    for kind in ("RNN", "GRU", "LSTM"):
        flow = gradient_flow(subject(trained_adder(kind), drawn.x)).find()
        far[kind] = flow.mean("memory")[100]
        print(f"{kind}: |dy/dm| at lag 0 {flow.mean('memory')[0]:.1e}, at lag 100 {far[kind]:.1e}, "
              f"along the cell alone {flow.mean('cell_path')[100]:.1e}")  # fmt: skip
    assert far["LSTM"] > 1e-3
    assert far["GRU"] > 1e-3
    assert far["RNN"] < 1e-6 * far["LSTM"]


def test_attributions_name_the_marked_steps():
    drawn = adding(50, 40, Generator().manual_seed(7))
    found = attributions(subject(trained_adder(), drawn.x))
    marked = drawn.marked.sort(dim=1).values.tolist()
    share = {}
    for credits in found.credits:
        named = [top == marks for top, marks in zip(top_steps(credits, 2), marked, strict=True)]
        share[credits.method] = sum(named) / len(named)
    print("names both marked steps:", share)
    print("rank agreement with occlusion:", found.with_occlusion.mean)
    print("rank agreement with ablation:", found.with_ablation.mean)
    assert share["integrated gradients"] >= 0.8
    assert share["ablation"] >= 0.8
    assert share["occlusion"] >= 0.8


@pytest.mark.slow  # three networks of 120 steps, 800 updates each
def test_twins_on_the_users_own_data_show_it_too():
    drawn = adding(120, 16, Generator().manual_seed(7))
    fresh = Generator().manual_seed(1)

    def lesson(model: nn.Module) -> Tensor:
        batch = adding(120, 64, fresh)
        return functional.mse_loss(model(batch.x), batch.y)

    torch.manual_seed(0)
    model = Adder(nn.LSTM(2, 16), 16)
    found = family(model, drawn.x, lesson=lesson, updates=800)
    far = {kind: flow.find().mean("memory")[100] for kind, flow in found.trained.items()}
    print({kind: sum(losses[-50:]) / 50 for kind, losses in found.losses.items()}, far)
    assert far["LSTM"] > 1e-3
    assert far["RNN"] < 1e-9 * far["LSTM"]
    assert found.fresh["LSTM"].find().mean("memory")[100] < 1e-2 * far["LSTM"]
