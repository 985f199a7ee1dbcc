"""A stranger's checkpoint: layers come back from the names of their weights, and nothing is run."""

import pickle

import pytest
import torch
from safetensors.torch import save_file
from torch import nn

import gatework
from gatework.errors import InputError
from gatework.inspector import layers_of


def stranger() -> nn.Module:
    torch.manual_seed(0)
    return nn.ModuleDict(
        {
            "embed": nn.Embedding(5, 3),
            "encoder": nn.LSTM(3, 6, 2, bidirectional=True, proj_size=2),
            "decoder": nn.ModuleDict({"rnn": nn.GRU(3, 4, bias=False)}),
            "old": nn.RNN(3, 4),
            "out": nn.Linear(4, 2),
        }
    )


def write(kind: str, folder, model: nn.Module):
    if kind == "safetensors":
        save_file(model.state_dict(), folder / "model.safetensors")
        return folder / "model.safetensors"
    content = {"bare": model.state_dict(), "nested": {"epoch": 3, "state_dict": model.state_dict()}}
    torch.save(content[kind], folder / "model.pt")
    return folder / "model.pt"


@pytest.mark.filterwarnings("ignore:LSTM with projections is not supported with oneDNN")
@pytest.mark.parametrize("kind", ["bare", "nested", "safetensors"])
def test_layers_come_back(tmp_path, kind):
    model = stranger()
    layers = layers_of(write(kind, tmp_path, model))
    assert set(layers) == {
        "encoder", "decoder.rnn", "old",
    }  # fmt: skip
    x = torch.randn(5, 2, 3)
    for path, layer in layers.items():
        theirs = model.get_submodule(path)
        assert repr(layer) == repr(theirs)
        assert torch.equal(layer(x)[0], theirs(x)[0])
        error = gatework.trace(layer, x)[""].replay_error
        assert error is not None
        assert error < 1e-6


def test_a_layer_alone():
    layer = nn.GRU(2, 3)
    assert repr(layers_of(layer.state_dict())[""]) == repr(layer)


def test_the_code_in_a_pickle_is_not_run(tmp_path):
    class Bomb:
        def __reduce__(self):
            return (pytest.fail, ("the file was executed",))

    path = tmp_path / "model.pt"
    path.write_bytes(pickle.dumps({"weight_ih_l0": Bomb()}, protocol=2))
    with pytest.raises(InputError, match="is not run here"):
        layers_of(path)
    torch.save({"rnn.weight_ih_l0": Bomb()}, path)
    with pytest.raises(InputError, match="is not run here"):
        layers_of(path)


def damaged(**change: torch.Tensor | None) -> dict[str, torch.Tensor]:
    state = {**nn.LSTM(2, 3).state_dict(), **change}
    return {name: value for name, value in state.items() if value is not None}


@pytest.mark.parametrize(
    ("state", "said"),
    [
        ({"weight": torch.zeros(2)}, "holds no recurrent layer"),
        (damaged(weight_hh_l0=None), "weight_hh_l0 is missing"),
        (damaged(weight_hh_l0=torch.zeros(7, 3)), "has 7 rows for 3 units"),
        (damaged(weight_ih_l0=torch.zeros(4, 2)), "do not fit together"),
        (damaged(weight_ih_l2=torch.zeros(12, 3)), "do not fit together"),
    ],
)
def test_what_is_wrong_is_said(state, said):
    with pytest.raises(InputError, match=said):
        layers_of(state)


def test_wrong_files_are_named(tmp_path):
    with pytest.raises(InputError, match=r"none\.pt is not there"):
        layers_of(tmp_path / "none.pt")
    for name in ("text.pt", "text.safetensors"):
        (tmp_path / name).write_text("hello")
        with pytest.raises(InputError, match=name):
            layers_of(tmp_path / name)
    torch.save(torch.zeros(3), tmp_path / "one.pt")
    with pytest.raises(InputError, match="holds a Tensor; expected a state dict"):
        layers_of(tmp_path / "one.pt")
