"""Every cell, direction and stack, through its gates' names and their roles."""

import numpy as np
import pytest
import torch

import gatework
from gatework.inspector.analyses import ledger

LAYERS = {
    "lstm": lambda: gatework.LSTM(3, 6),
    "gru": lambda: gatework.GRU(3, 6),
    "rnn": lambda: gatework.RNN(3, 6),
    "coupled": lambda: gatework.LSTM(3, 6, coupled=True),
    "peephole": lambda: gatework.LSTM(3, 6, peephole=True),
    "no forget gate": lambda: gatework.LSTM(3, 6, forget_gate=False),
    "no output gate": lambda: gatework.LSTM(3, 6, output_gate=False),
    "projection": lambda: gatework.LSTM(3, 6, proj_size=4),
    "layer norm": lambda: gatework.LSTM(3, 6, layer_norm=True),
    "stacked, both ways": lambda: gatework.LSTM(3, 6, num_layers=2, bidirectional=True),
    "gru, both ways": lambda: gatework.GRU(3, 6, bidirectional=True),
}


@pytest.fixture(scope="module", params=LAYERS)
def case(request, visit):
    torch.manual_seed(2)
    layer = LAYERS[request.param]()
    trace = gatework.trace(layer, torch.randn(9, 2, 3), lengths=[9, 5])
    with visit(trace) as shown:
        yield trace, shown, layer


def passes(trace):
    return enumerate(trace.recordings[0].passes)


def test_all_arrays_and_the_ledger_of_every_pass(case):
    trace, shown, _ = case
    for at, part in passes(trace):
        for sequence in (0, 1):
            shown.set(**{"pass": at, "sequence": sequence})
            one = part.sequence(sequence)
            for name, value in one.values.items():
                found = np.array(shown.ask("(n) => [...gatework.current().view.array(n)]", name))
                stated = shown.ask("() => gatework.current().view.precision()")
                assert np.abs(found - value.ravel()).max() <= 1.01 * stated < 1e-4
            for step in (0, len(one) - 1):
                book = ledger.ledger(one, step)
                told = shown.ask(
                    """(step) => {
                      const { view } = gatework.current();
                      const book = view.ledgerAt(step);
                      const rows = [...Array(book.written.length / view.H).keys()];
                      return rows.map((k) => [view.timeOf(k),
                        [...book.written.slice(k * view.H, (k + 1) * view.H)]]);
                    }""",
                    step,
                )
                rows = np.zeros_like(book.written)
                for time, row in told:
                    rows[time] = row
                assert np.abs(rows - book.written).max() < 1e-4


def test_the_diagram_says_what_the_step_did_to_the_memory(case):
    trace, shown, _ = case
    for at, part in passes(trace):
        one = part.sequence(0)
        step, unit = 4, 1
        shown.set(**{"pass": at, "sequence": 0, "step": step, "unit": unit})
        text = shown.page.locator(".diagram .remark").inner_text()
        numbers = [float(word.strip(".,%:")) for word in text.replace("\N{MINUS SIGN}", "-").split()
                   if word.strip(".,%:-").replace(".", "").replace("e-", "").isdigit()]  # fmt: skip
        keep, write, _ = (np.asarray(role)[step, unit] for role in one.roles)
        wanted = [
            one.before(one.cell.memory)[step, unit],
            100 * keep,
            100 * write,
            one.candidate[step, unit],
            one.memory[step, unit],
        ]
        assert numbers == pytest.approx(wanted, rel=6e-3, abs=2e-4)
        assert shown.page.locator(".cell .box").count() >= 1


def test_what_if_is_what_python_computes(case):
    trace, shown, layer = case
    edited = trace.recordings[0].inputs[:9].copy()
    edited[3] = [1.5, -2.0, 0.25]
    again = gatework.trace(layer, torch.from_numpy(edited)[:, None])
    for at, part in passes(again):
        shown.set(**{"pass": at, "sequence": 0})
        shown.set(edits=[{"step": 3, "values": [1.5, -2.0, 0.25]}])
        found = np.array(shown.ask("() => [...gatework.whatIf.found().after]"))
        wanted = part.sequence(0).memory
        assert np.abs(found.reshape(wanted.shape) - wanted).max() < 1e-5
        assert "becomes" in shown.page.locator("#what-if .answer").inner_text()
        shown.set(edits=[])


def test_a_word_is_put_in_the_place_of_another(visit):
    words = ["a", "b", "c", "a", "d"]
    table = torch.randn(5, 4)
    x = table[torch.tensor([0, 1, 2, 0, 3])][:, None]
    layer = gatework.LSTM(4, 6)
    with visit(gatework.trace(layer, x, steps=[words])) as shown:
        shown.set(step=1, unit=3)
        for choice, vector in (("d", table[3]), ("nothing (zeros)", torch.zeros(4))):
            shown.page.locator("#edit-word").select_option(label=choice)
            shown.settle()
            edited = x.clone()
            edited[1, 0] = vector
            wanted = gatework.trace(layer, edited)[""].find().values["c"]
            found = np.array(shown.ask("() => [...gatework.whatIf.found().after]"))
            assert np.abs(found.reshape(wanted.shape) - wanted).max() < 1e-5
            answer = shown.page.locator("#what-if .answer").inner_text()
            told = float(
                answer.split("becomes ")[1].split()[0].rstrip(".").replace("\N{MINUS SIGN}", "-")
            )
            assert told == pytest.approx(wanted[-1, 3], abs=6e-5)
            assert shown.page.locator("canvas[data-name=what-if]").is_visible()
            line = shown.page.locator("#what-if polyline[data-name=c]").get_attribute("points")
            assert len(line.split()) == 4  # the edited step and those after it
        shown.page.get_by_text("undo all").click()
        shown.settle()
        assert not shown.page.locator("canvas[data-name=what-if]").is_visible()


def test_named_inputs_are_edited_as_numbers(visit):
    x = torch.randn(6, 1, 2)
    layer = gatework.GRU(2, 5)
    trace = gatework.trace(layer, x, steps=[list("abcdef")], features=["sun", "rain"])
    with visit(trace) as shown:
        shown.set(step=2)
        field = shown.page.locator("#what-if input[data-feature='1']")
        assert float(field.input_value()) == pytest.approx(float(x[2, 0, 1]), rel=1e-5)
        field.fill("3.5")
        field.press("Enter")
        shown.settle()
        x[2, 0, 1] = 3.5
        wanted = gatework.trace(layer, x)[""].find().values["h"]
        found = np.array(shown.ask("() => [...gatework.whatIf.found().after]"))
        assert np.abs(found.reshape(wanted.shape) - wanted).max() < 1e-5


def test_the_initial_state_has_a_bar_of_its_own(visit):
    layer = gatework.LSTM(2, 3, forget_bias=6.0)
    state = (torch.zeros(1, 1, 3), torch.full((1, 1, 3), -4.0))
    with visit(gatework.trace(layer, torch.zeros(5, 1, 2), state)) as shown:
        shown.set(unit=1, step=4)
        bar = shown.page.locator("#initial-state")
        assert bar.get_attribute("class") == "minus"
        book = ledger.ledger(
            gatework.trace(layer, torch.zeros(5, 1, 2), state)[""].find().sequence(0)
        )
        assert shown.number(".initial") == pytest.approx(book.initial[1], rel=6e-3)
