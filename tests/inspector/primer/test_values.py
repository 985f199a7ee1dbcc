"""What the page shows is what Python computes, before and after the reader's hand."""

import math

import numpy as np
import pytest
import torch
from torch import Tensor

import gatework
from gatework import cells
from gatework.inspector.primer import task
from gatework.inspector.primer.tiny import load_models

MINUS = "\N{MINUS SIGN}"
START = "cBaccb?caAbcb?c?"


@pytest.fixture(scope="module")
def shared(visit):
    with visit() as found:
        yield found


@pytest.fixture
def primer(shared):
    """One page for all tests: the tape as it began, the gates as trained."""
    shared.page.locator("#figure-step .palette button", has_text="start again").click()
    shared.choose("gates", "none")
    yield shared
    assert shared.errors == []


def exactly(value):
    """Both compute in float64; only the order of the sums differs."""
    return pytest.approx(value, rel=1e-9, abs=1e-12)


def _unit(cell: cells.AbstractCell, sums: list[float], memory: float, **extra: list[float]):
    """One step of one unit whose sums are given."""
    params = {name: torch.tensor(value, dtype=torch.float64) for name, value in extra.items()}
    before = torch.tensor([[memory]], dtype=torch.float64)
    is_lstm = isinstance(cell, cells.LSTM)
    state = (torch.zeros_like(before), before) if is_lstm else (before,)
    from_h = params.pop("from_h", torch.zeros(len(sums), dtype=torch.float64))
    x = torch.tensor([sums], dtype=torch.float64)
    _, values = cell.update(params, x, from_h.unsqueeze(0), state)
    return {name: float(value) for name, value in values.items()}


def test_a_slider_of_the_hand_driven_unit(primer):
    primer.slide("hand", f"memory c t{MINUS}1", -1.25)
    primer.slide("hand", "forget gate, sum z f", 2.5)
    primer.slide("hand", "candidate, sum z g", -0.5)
    wanted = _unit(cells.LSTM(), [0.5, 2.5, -0.5, 0.0], -1.25)
    for name in ("f", "i", "g", "o", "c", "h"):
        shown = primer.value(f"#figure-hand .equation[data-part={name}] output")
        assert shown == exactly(wanted[name])
    assert primer.number("#figure-hand .tag[data-part=c]") == pytest.approx(wanted["c"], abs=0.005)


def test_goals_are_ticked_when_they_are_reached(primer):
    primer.page.locator("#figure-hand button", has_text="start again").click()
    marks = primer.page.locator("#figure-hand .goals .box")
    assert "".join(marks.all_inner_texts()) == ""
    primer.slide("hand", "forget gate, sum z f", 6)
    primer.slide("hand", "input gate, sum z i", -6)
    assert marks.all_inner_texts() == ["✓", "", "", "", ""]
    primer.slide("hand", "forget gate, sum z f", -6)
    assert marks.all_inner_texts() == ["✓", "✓", "", "", ""]
    primer.slide("hand", "input gate, sum z i", 6)
    primer.slide("hand", "candidate, sum z g", -3)
    assert marks.all_inner_texts() == ["✓", "✓", "✓", "", ""]


@pytest.mark.parametrize(
    ("variant", "cell"),
    [
        ("lstm", cells.LSTM()),
        ("nofg", cells.LSTM(forget_gate=False)),
        ("peephole", cells.LSTM(peephole=True)),
        ("coupled", cells.LSTM(coupled=True)),
        ("gru", cells.GRU()),
        ("rnn", cells.RNN()),
    ],
)
def test_every_variant(primer, variant, cell):
    primer.choose("variants", variant)
    old = f"memory c t{MINUS}1" if variant not in ("gru", "rnn") else f"old state h t{MINUS}1"
    primer.slide("variants", old, -0.75)
    sums = {"f": 1, "i": 0, "g": 1, "o": 1, "r": 1, "z": 1, "n": 0.5}
    extra = {}
    if variant == "peephole":
        primer.slide("variants", "peephole weight p", -2)
        extra = {f"weight_c{gate}": [-2.0] for gate in "ifo"}
    elif variant in ("gru", "rnn"):
        primer.slide("variants", "recurrent weight u", 1.5)
        extra = {"from_h": [0.0] * (len(cell.gates) - 1) + [1.5 * -0.75]}
    wanted = _unit(cell, [float(sums[gate]) for gate in cell.gates], -0.75, **extra)
    names = [name for name in ("c", "h") if name in wanted]
    for name in names:
        shown = primer.value(f"#figure-variants .equation[data-part={name}] output")
        assert shown == exactly(wanted[name])


def test_the_vanishing_product(primer):
    primer.slide("vanish", "recurrent weight w", 1.3)
    primer.slide("vanish", "steps T", 100)
    primer.slide("vanish", "forget gate f", 0.95)
    h = [torch.tanh(torch.tensor(1.0, dtype=torch.float64)).requires_grad_()]
    for _ in range(99):
        h.append(torch.tanh(1.3 * h[-1]))
    (gradient,) = torch.autograd.grad(h[-1], h[0])
    assert primer.value("#figure-vanish output[data-name=RNN]") == exactly(float(gradient))
    assert primer.value("#figure-vanish output[data-name=cell]") == exactly(0.95**99)


def _probabilities(tape: str) -> Tensor:
    with torch.no_grad():
        return load_models()["lstm"](task.encode(tape).inputs.double()).softmax(-1)[:, 0]


def _shown_answers(primer) -> list[float]:
    texts = primer.page.locator("#figure-step [data-answer]").all_inner_texts()
    return [float(text.removesuffix(" %")) / 100 for text in texts]


def test_the_tape_at_the_head_of_the_page(primer):
    """It stands still for those who want no motion, having read what it shows."""
    shown = primer.page.locator("#hero svg text")
    classes = [text.get_attribute("class") for text in shown.all()]
    texts = shown.all_text_contents()
    tape = "".join(t for t, kind in zip(texts, classes, strict=True) if "symbol" in kind)
    answers = [t for t, kind in zip(texts, classes, strict=True) if "said" in kind]
    assert len(tape) == 26
    said = _probabilities(tape).argmax(-1)
    assert answers == [
        task.ANSWERS[said[t]] for t, symbol in enumerate(tape) if symbol == "?" or said[t] != 3
    ]
    button = primer.page.locator("#hero button")
    assert button.inner_text() == "run"
    button.click()
    primer.wait("document.querySelector('#hero p').textContent.startsWith('Read 28')")
    assert button.inner_text() == "pause"


def test_the_answer_at_every_step_of_the_tape(primer):
    strip = primer.page.locator("#figure-step .strip")
    strip.press("Home")
    for row in _probabilities(START):
        assert _shown_answers(primer) == pytest.approx(row.tolist(), abs=6e-4)  # one decimal of %
        strip.press("ArrowRight")


def test_the_heatmap_and_the_ledger_are_the_traces(primer):
    model = load_models()["lstm"]
    traced = gatework.trace(model.recurrent, task.encode(START).inputs.double())[""].find()
    one = traced.sequence(0)
    cells_shown = primer.page.evaluate(
        "() => [...document.querySelectorAll('#figure-gates [data-cell][data-value]')]"
        ".map((cell) => [cell.dataset.cell, Number(cell.dataset.value)])"
    )
    assert len(cells_shown) == 6 * 4 * len(START)
    for where, value in cells_shown:
        name, unit, step = where.split()
        assert value == exactly(one.values[name][int(step), int(unit)])

    step, unit = 13, 2
    primer.page.locator(f"#figure-gates [data-cell='c {unit} {step}']").click()
    bars = primer.page.evaluate(
        "() => [...document.querySelectorAll('#figure-gates [data-ledger]')]"
        ".map((bar) => Number(bar.dataset.value))"
    )
    keep, write, _ = (np.array(part) for part in one.roles)
    wanted = [
        np.prod(keep[t + 1 : step + 1, unit]) * write[t, unit] * one.candidate[t, unit]
        for t in range(step + 1)
    ]
    assert bars == exactly(wanted)
    assert sum(bars) == exactly(one.memory[step, unit])


def test_the_ledger_names_the_capital(primer):
    """At the first question the unit that holds most was written at the capital, step 2."""
    writers = []
    for unit in range(4):
        primer.page.locator(f"#figure-gates [data-cell='c {unit} 6']").click()
        writers.append(
            primer.page.locator("#figure-gates [data-writer]").get_attribute("data-writer")
        )
    assert writers.count("1") >= 2


def test_taking_a_gate_away_costs_what_it_costs_in_python(primer):
    """The tape that is shown, with the forget gate held open, said by both."""
    primer.choose("gates", "f1")
    model = load_models()["lstm"]
    with torch.no_grad():
        params = dict(model.recurrent.named_parameters())
        for name in ("weight_ih_l0", "weight_hh_l0", "bias_hh_l0"):
            params[name][4:8] = 0
        params["bias_ih_l0"][4:8] = 40
        said = model(task.encode(START).inputs.double()).argmax(-1)[:, 0]
    wanted = [task.ANSWERS[k] for k in said]
    for t, symbol in enumerate(START):
        shown = primer.page.locator(f"#figure-gates [data-said='{t}']")
        right = int(said[t]) == int(task.encode(START).targets[t])
        if symbol == "?" or not right:
            assert shown.text_content() == wanted[t] + ("" if right else "✗")
        else:
            assert shown.count() == 0
    scores = {}
    for change in ("none", "f1", "f0", "i1", "i0", "o1"):
        primer.choose("gates", change)
        scores[change] = float(primer.text("#figure-gates [data-score]").removesuffix(" %"))
    assert scores["none"] > 99
    assert max(value for name, value in scores.items() if name in ("f1", "f0", "i0")) < 90


def test_both_notations_are_pythons_sums(primer):
    model = load_models()["lstm"]
    params = {name: value.detach().numpy() for name, value in model.recurrent.named_parameters()}
    inputs = task.encode(START).inputs.double()
    h = gatework.trace(model.recurrent, inputs)[""].find().sequence(0).values["h"][5]
    z = params["weight_ih_l0"] @ inputs[6, 0].numpy() + params["weight_hh_l0"] @ h
    z += params["bias_ih_l0"] + params["bias_hh_l0"]
    drawing = primer.page.locator("#figure-notation svg.matrices")
    drawing.press("Home")
    for row in range(16):
        for route in ("apart", "joined"):
            shown = primer.number(f"#figure-notation [data-route={route}]")
            assert shown == pytest.approx(z[row], abs=1e-6)
        drawing.press("ArrowDown")
    most = primer.page.locator("[data-difference]").get_attribute("data-difference")
    assert float(most) < 1e-12
    primer.choose("notation", "onnx")
    drawing.press("Home")
    drawing.press("PageDown")
    assert primer.number("#figure-notation [data-z=o0]") == pytest.approx(z[12], abs=0.005)


def test_the_gradient_is_autograds(primer):
    """Of all three models, over 60 steps, though the RNN's is far below rounding."""
    primer.slide("unrolled", "gap", 60)
    tape = "B" + ("acbbacabcc" * 6) + "?"
    inputs = task.encode(tape).inputs.double()
    for kind, model in load_models().items():
        recurrent = model.recurrent
        state = [torch.zeros(1, 4, dtype=torch.float64) for _ in recurrent.cell.states]
        params = recurrent.params(recurrent.passes[0])
        memories = []
        for x in inputs:
            x_gates = torch.nn.functional.linear(x, params["weight_ih"], params["bias_ih"])
            h_gates = torch.nn.functional.linear(state[0], params["weight_hh"], params["bias_hh"])
            new, _ = recurrent.cell.update(params, x_gates, h_gates, tuple(state))
            state = list(new)
            memories.append(state[-1])
            state[-1].retain_grad()
        loss = torch.nn.functional.cross_entropy(model.head(state[0]), torch.tensor([1]))
        loss.backward()
        norms = [float(memory.grad.norm()) for memory in memories]
        shown = primer.value(f"#figure-unrolled output[data-model={kind}]")
        assert shown == pytest.approx(norms[0] / norms[-1], rel=1e-6)


def test_the_forget_bias(primer):
    primer.slide("bias", "forget bias b f", 2.0)
    primer.slide("bias", "steps to bridge", 50)
    keep = 1 / (1 + math.exp(-2.0))
    assert primer.number("[data-fact=gate]") == pytest.approx(keep, abs=5e-4)
    half = primer.text("[data-fact=half-life]").removesuffix(" steps")
    assert float(half) == pytest.approx(math.log(0.5) / math.log(keep), abs=0.05)
    left = float(primer.text("[data-fact=left]").removesuffix(" %"))
    assert left == pytest.approx(100 * keep**50, abs=0.05)
    needed = float(primer.text("[data-fact=needed]").removeprefix("b = "))
    assert (1 / (1 + math.exp(-needed))) ** 50 == pytest.approx(0.5, abs=0.01)
