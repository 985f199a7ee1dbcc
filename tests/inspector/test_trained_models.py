"""What the analyses of a trace say of trained models whose answer is known, on unseen sequences."""

import numpy as np
import pytest
import torch
from torch import Generator, Tensor

import gatework
from gatework.inspector import PassTrace
from gatework.inspector.analyses.concepts import unit_correlations, unit_scores
from gatework.inspector.analyses.holdings import holdings, outstanding
from gatework.inspector.analyses.ledger import ledger
from gatework.inspector.analyses.probes import probe
from gatework.inspector.analyses.retention import timescales
from gatework.inspector.analyses.surprise import surprise
from inspector.trained import (
    SYMBOLS,
    Adder,
    ReberModel,
    adding,
    encode,
    reber_strings,
    reber_trace,
    second_last_accuracy,
    trained_adder,
    trained_reber,
)

STEPS, SEQUENCES = 50, 300
UNSEEN = 99


def sums():
    return adding(STEPS, SEQUENCES, Generator().manual_seed(UNSEEN))


def traced(model: Adder) -> PassTrace:
    return gatework.trace(model, sums().x)["rnn"].find()


def named(found) -> float:
    """How often the two steps are the marked ones."""
    right = [
        sorted(steps) == marked for steps, marked in zip(found, sums().marked.tolist(), strict=True)
    ]
    return float(np.mean(right))


def test_the_adder_has_learnt():
    drawn = sums()
    with torch.no_grad():
        error = torch.nn.functional.mse_loss(trained_adder()(drawn.x), drawn.y)
    assert error < 0.002  # answering 1 has 0.167


def test_units_that_remember_hold_a_marked_step_before_all_others():
    part = traced(trained_adder())
    # Units that forget within a few steps hold the last ones, whatever was marked.
    lasting = np.flatnonzero(timescales(part).timescale > STEPS / 2).tolist()
    assert 1 <= len(lasting) < 16
    # Not both: a marked value in the middle of its range hardly moves such a unit.
    first = [each.strongest[0].step for each in holdings(part, 1, units=lasting)]
    right = [step in marked for step, marked in zip(first, sums().marked.tolist(), strict=True)]
    assert np.mean(right) >= 0.95


def test_ledger_names_both_marked_steps():
    found = [each.steps for each in outstanding(traced(trained_adder()), 2)]
    assert named(found) >= 0.95
    torch.manual_seed(0)
    untrained = Adder(gatework.LSTM(2, 16, forget_bias=1.0), 16)
    assert named([each.steps for each in outstanding(traced(untrained), 2)]) < 0.05


def test_the_ledger_is_complete_on_a_trained_model():
    part = traced(trained_adder())
    for index in range(SEQUENCES):
        entry = ledger(part.sequence(index))
        assert np.abs(entry.residual).max() < 1e-12
        assert np.abs(entry.unaccounted).max() < 1e-5  # 50 roundings of float32


def test_a_unit_of_the_adder_holds_the_sum():
    part = traced(trained_adder())
    at_the_end = np.arange(STEPS * SEQUENCES) % STEPS == STEPS - 1
    totals = np.repeat(sums().y.numpy(), STEPS)
    found = unit_correlations(part, totals, where=at_the_end)
    assert np.abs(found).max() > 0.98
    assert probe(part, totals.astype(float), where=at_the_end).score > 0.99


class Strings:
    """Unseen embedded Reber strings and their trace."""

    def __init__(self) -> None:
        self.strings = reber_strings(SEQUENCES, UNSEEN)
        self.recording = reber_trace(trained_reber(), self.strings)["rnn"]
        self.part = self.recording.find()
        lengths = self.recording.lengths
        self.sequence = np.repeat(np.arange(SEQUENCES), lengths)
        self.step = np.concatenate([np.arange(length) for length in lengths])
        self.first_is_t = np.array([string[1] == "T" for string in self.strings])[self.sequence]
        self.knows = self.step >= 1  # from the step on that reads the first T or P


@pytest.fixture(scope="module")
def reber() -> Strings:
    return Strings()


def test_the_reber_model_has_learnt(reber):
    assert second_last_accuracy(trained_reber(), reber.strings) >= 0.99


def test_unit_search_finds_the_unit_that_holds_the_first_symbol(reber):
    search, check = reber.knows & (reber.sequence % 2 == 0), reber.knows & (reber.sequence % 2 == 1)
    found = unit_scores(reber.part, reber.first_is_t, where=search)
    again = unit_scores(reber.part, reber.first_is_t, where=check)
    assert again.best == found.best
    assert abs(again.auc[found.best] - 0.5) > 0.35


def answered(model: ReberModel, strings: list[str], unit: int, levels: Tensor) -> float:
    """How often the last T or P is right, if `unit` is made to hold the other first symbol."""
    batch, layer = encode(strings), model.rnn
    params = layer.params(layer.passes[0])
    is_t = torch.tensor([string[1] == "T" for string in strings])
    state = tuple(torch.zeros(len(strings), layer.hidden_size) for _ in range(2))
    shown = []
    with torch.no_grad():
        for step, x in enumerate(batch.x):
            h, c = state[0], state[1].clone()
            if step > 1:
                c[:, unit] = torch.where(is_t, levels[0], levels[1])
            x_gates = x @ params["weight_ih"].T + params["bias_ih"]
            h_gates = h @ params["weight_hh"].T + params["bias_hh"]
            state, _ = layer.cell.update(params, x_gates, h_gates, (h, c))
            shown.append(state[0])
        logits = model.head(torch.stack(shown))[batch.lengths - 2, torch.arange(len(strings))]
    says_t = logits[:, SYMBOLS.index("T")] > logits[:, SYMBOLS.index("P")]
    return float((says_t == is_t).float().mean())


def test_that_unit_and_no_other_turns_the_answer_round(reber):
    model = trained_reber()
    best = unit_scores(reber.part, reber.first_is_t, where=reber.knows).best
    memory = reber.part.values["c"]
    right = []
    for unit in range(model.rnn.hidden_size):
        of_p, of_t = (
            memory[reber.knows & (reber.first_is_t == is_t), unit].mean() for is_t in (False, True)
        )
        levels = torch.tensor(np.array([of_p, of_t]))
        right.append(answered(model, reber.strings, unit, levels))
    assert right[best] < 0.3
    assert min(np.delete(right, best)) > 0.4  # 0.5 is a unit without which the model guesses


def test_a_probe_reads_the_first_symbol_and_more_than_by_heart(reber):
    found = probe(reber.part, reber.first_is_t, words=reber.recording.steps, where=reber.step >= 2)
    assert found.score > 0.99
    assert found.selectivity is not None
    assert found.selectivity > 0.02


def test_the_worst_steps_are_those_the_grammar_leaves_open(reber):
    for each in surprise(reber.recording, 50).worst:
        # After the inner string's E, and after the last T or P, only one symbol may come.
        string = reber.strings[each.sequence]
        assert each.step < len(string) - 3
    assert surprise(reber.recording).mean < 0.6
