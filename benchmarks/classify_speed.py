"""A text classifier beside the same model on torch.nn, with the same settings, in one process.

    python benchmarks/classify_speed.py [--texts 2000] [--hidden 128] [--rounds 5] [--threads 1]

Training: one epoch of texts of 5 to 35 tokens, end to end (batches, forward, backward, clipping,
AdamW), ours and the same network with torch.nn.LSTM over packed sequences in the same loop. The
weights are equal at the start and the scores are compared before any clock runs. Prediction: short
texts of 20 words, from text to probabilities, with a bidirectional model of --hidden units. Sides
take turns; medians are printed as one JSON object, by the clock and in processor time, which a busy
machine disturbs less.
"""

import argparse
import json
import platform
from statistics import median
from time import perf_counter, process_time
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional
from torch.nn.utils.rnn import pack_padded_sequence, pad_packed_sequence

from gatework.data.batches import LengthBatches
from gatework.data.labelled import Texts
from gatework.data.labels import Classes
from gatework.data.ragged import Ragged
from gatework.layers.convolution import StepConvolution
from gatework.models.classifier import (
    ClassifierEnsemble,
    ClassifierShape,
    Inputs,
    SequenceClassifier,
)
from gatework.tasks.classify.calibration import Calibration
from gatework.tasks.classify.encoding import TextEncoder
from gatework.tasks.classify.fitted import Fitted
from gatework.tasks.classify.settings import ClassifySettings
from gatework.training import TrainSettings, train

WORDS = 8_000


class TorchLSTM(nn.Module):
    """torch.nn.LSTM over ragged batches, called as ours is."""

    def __init__(self, lstm: nn.LSTM) -> None:
        super().__init__()
        self.lstm = lstm

    def forward(self, x: Tensor, *, lengths: Tensor) -> tuple[Tensor, Any]:
        """Pack, run, and pad again."""
        packed = pack_padded_sequence(x, lengths, enforce_sorted=False)
        output, state = self.lstm(packed)
        return pad_packed_sequence(output, total_length=len(x))[0], state


class TorchConvolution(nn.Module):
    """What StepConvolution is, as one writes it with torch.nn."""

    def __init__(self, convolution: nn.Conv1d, norm: nn.BatchNorm1d) -> None:
        super().__init__()
        self.convolution, self.norm = convolution, norm

    def forward(self, x: Tensor, lengths: Tensor) -> Tensor:
        """Return (T, B, output_size)."""
        y = self.convolution(x.permute(1, 2, 0))
        if bool((lengths == len(x)).all()):
            return functional.relu(self.norm(y)).permute(2, 0, 1)
        y = y.permute(2, 0, 1)
        inside = torch.arange(len(y))[:, None] < lengths
        real = functional.relu(self.norm(y[inside]))
        return real.new_zeros(y.shape).masked_scatter(inside[..., None], real)


class TorchEnsemble(nn.Module):
    """Networks one after the other."""

    def __init__(self, shape: ClassifierShape, members: nn.ModuleList) -> None:
        super().__init__()
        self.shape, self.members = shape, members

    def forward(self, inputs: Inputs) -> Tensor:
        """Return (B, K) the members' mean scores."""
        return self.by_member(inputs).mean(0)

    def by_member(self, inputs: Inputs) -> Tensor:
        """Return (members, B, K) each network's scores."""
        return torch.stack([member(inputs) for member in self.members])


Networks = ClassifierEnsemble | TorchEnsemble


def with_torch(model: ClassifierEnsemble) -> TorchEnsemble:
    """Return a copy whose LSTMs and convolutions are torch's, with the same weights."""
    copy = ClassifierEnsemble(model.shape)
    copy.load_state_dict(model.state_dict())
    for member in copy.members:
        assert isinstance(member, SequenceClassifier)
        ours = member.lstm
        theirs = nn.LSTM(ours.input_size, ours.hidden_size, bidirectional=ours.bidirectional)
        theirs.load_state_dict(ours.state_dict())
        member.add_module("lstm", TorchLSTM(theirs))
        for place, layer in enumerate(member.convolutions):
            assert isinstance(layer, StepConvolution)
            member.convolutions[place] = TorchConvolution(layer.convolution, layer.norm)
    return TorchEnsemble(model.shape, copy.members)


def main() -> None:
    """Check, time, print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--texts", type=int, default=2_000)
    parser.add_argument("--hidden", type=int, default=128)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--threads", type=int, default=1)
    chosen = parser.parse_args()
    torch.set_num_threads(chosen.threads)
    generator = torch.Generator().manual_seed(0)
    lengths = torch.randint(5, 36, (chosen.texts,), generator=generator).tolist()
    ids = Ragged.of([torch.randint(2, WORDS, (length,), generator=generator) for length in lengths])
    targets = torch.randint(0, 2, (chosen.texts,), generator=generator)
    shape = ClassifierShape(
        2, vocabulary=WORDS, embedding_size=100, hidden_size=chosen.hidden, dropout=0.5
    )

    def load(index: Tensor) -> tuple[Inputs, Tensor]:
        box = ids.padded(index)
        return Inputs(box.values, box.lengths, torch.zeros(len(index), 0)), targets[index]

    def epoch(model: Networks) -> tuple[float, float]:
        source = LengthBatches(ids.lengths, load, batch_size=64)
        began = perf_counter(), process_time()
        train(
            model,
            source,
            lambda model, batch: functional.cross_entropy(model(batch[0]), batch[1]),
            settings=TrainSettings(epochs=1),
        )
        return perf_counter() - began[0], process_time() - began[1]

    torch.manual_seed(0)
    ours = ClassifierEnsemble(shape)
    theirs = with_torch(ours)
    inputs, _ = load(torch.arange(64))
    with torch.no_grad():
        difference = (ours.eval()(inputs) - theirs.eval()(inputs)).abs().max()
    assert difference < 1e-5, f"no figures, the scores differ by {difference}"
    times: dict[str, list[tuple[float, float]]] = {"ours": [], "torch": []}
    for turn in range(chosen.rounds + 1):
        for name, model in (("ours", ours), ("torch", theirs)):
            seconds = epoch(model)
            if turn:
                times[name].append(seconds)
    vocabulary = [f"w{number}" for number in range(WORDS)]
    texts = [
        " ".join(vocabulary[i] for i in torch.randint(0, WORDS, (20,), generator=generator))
        for _ in range(chosen.texts)
    ]
    encoder, _ = TextEncoder.fit(Texts([" ".join(vocabulary), *texts]), ClassifySettings(least=1))
    network = ClassifierEnsemble(
        ClassifierShape(2, vocabulary=encoder.known, embedding_size=100, hidden_size=chosen.hidden)
    )
    fitted = Fitted(encoder, Classes(("a", "b")), network.shape, network.eval(), Calibration(), ())
    predicted = []
    for _ in range(chosen.rounds + 1):
        began = perf_counter(), process_time()
        fitted.probabilities(Texts(texts))
        predicted.append((perf_counter() - began[0], process_time() - began[1]))
    clock, processor = (
        {name: median(each[kind] for each in times[name]) for name in times} for kind in (0, 1)
    )
    spent = [median(each[kind] for each in predicted[1:]) for kind in (0, 1)]
    print(
        json.dumps(
            {
                "training_speed_up_over_torch": clock["torch"] / clock["ours"],
                "training_speed_up_in_processor_time": processor["torch"] / processor["ours"],
                "epoch_seconds": clock,
                "epoch_processor_seconds": processor,
                "texts_predicted_a_second": chosen.texts / spent[0],
                "texts_predicted_a_processor_second": chosen.texts / spent[1],
                "settings": vars(chosen),
                "torch": torch.__version__,
                "machine": platform.machine(),
            },
            indent=1,
        )
    )


if __name__ == "__main__":
    main()
