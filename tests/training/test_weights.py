"""Weights go to a file and back: tied, shared, empty, and of the wrong model."""

import pytest
import torch
from torch import nn

from gatework.errors import InputError
from gatework.training import load_weights, save_weights
from gatework.training.weights import decode_tensors, encode_tensors, model_tensors
from training.toys import line_model, recurrent_model


def test_tied_parameters_are_written_once_and_read_as_one(tmp_path):
    model, path = recurrent_model(), tmp_path / "model.safetensors"
    save_weights(model, path)
    names = decode_tensors(path.read_bytes(), path).keys()
    assert "readout.weight" in names
    assert "again.weight" not in names
    other = type(model)()
    load_weights(other, path)
    for name, value in model.state_dict().items():
        assert torch.equal(value, other.state_dict()[name])
    assert other.again.weight is other.readout.weight


def test_the_same_weights_give_the_same_bytes():
    one, two = (encode_tensors(model_tensors(recurrent_model())) for _ in range(2))
    assert one == two


def test_views_of_one_memory_and_empty_tensors_survive():
    whole = torch.arange(6.0)
    tensors = {"a": whole[:2], "b": whole[2:], "t": whole.view(2, 3).T, "e": torch.empty(0, 3)}
    again = decode_tensors(encode_tensors(tensors), path=None)  # type: ignore[arg-type]
    assert again.keys() == tensors.keys()
    for name, value in tensors.items():
        assert torch.equal(again[name], value)


def test_two_empty_buffers_are_not_taken_for_tied():
    model = nn.Module()
    model.register_buffer("one", torch.empty(0))
    model.register_buffer("two", torch.empty(0))
    assert list(model_tensors(model)) == ["one", "two"]


@pytest.mark.parametrize(
    ("other", "message"),
    [
        (lambda: nn.Linear(3, 1), r"'weight' is torch.float32 \(1, 2\); this model has .*\(1, 3\)"),
        (lambda: nn.Linear(2, 1).double(), "this model has torch.float64"),
        (lambda: nn.Linear(2, 1, bias=False), "has 'bias', which this model has not"),
        (lambda: nn.Sequential(nn.Linear(2, 1)), "lacks '0.bias'"),
    ],
)
def test_weights_of_another_model_are_refused(tmp_path, other, message):
    path = tmp_path / "model.safetensors"
    save_weights(line_model(), path)
    with pytest.raises(InputError, match=message):
        load_weights(other(), path)


def test_a_missing_or_damaged_file_is_named(tmp_path):
    path = tmp_path / "model.safetensors"
    with pytest.raises(InputError, match=r"model\.safetensors is not there"):
        load_weights(line_model(), path)
    path.write_bytes(b"not tensors")
    with pytest.raises(InputError, match=r"model\.safetensors is damaged"):
        load_weights(line_model(), path)


def test_state_that_is_no_tensor_is_refused(tmp_path):
    class Odd(nn.Linear):
        def get_extra_state(self):
            return {"a": 1}

        def set_extra_state(self, state):
            raise AssertionError("never saved, so never loaded")

    with pytest.raises(InputError, match="a dict under '_extra_state'"):
        save_weights(Odd(2, 1), tmp_path / "model.safetensors")
