"""What the page says and paints is what the trace holds."""

import numpy as np
import pytest
import torch

import gatework
from gatework.inspector import Trace
from gatework.inspector.analyses import ledger

WORDS = [["the", "cat", "sat", "on", "the", "mat", "."] * 3, ["so", "it", "goes"]]


@pytest.fixture(scope="module")
def trace() -> Trace:
    torch.manual_seed(1)
    lstm = gatework.LSTM(5, 16)
    loss = torch.rand(21, 2)
    return gatework.trace(
        lstm,
        torch.randn(21, 2, 5),
        lengths=[21, 3],
        steps=WORDS,
        sequences=["cats", "<b>"],
        loss=loss,
    )


@pytest.fixture(scope="module")
def opened(visit, trace):
    with visit(trace) as found:
        yield found, found.state()


@pytest.fixture
def shown(opened):
    """The page as it was when it was opened."""
    found, state = opened
    found.set(**state)
    found.page.mouse.move(0, 0)
    yield found
    found.complain()


def test_every_value_is_the_traces_within_the_stated_precision(shown, trace):
    for sequence in (0, 1):
        shown.set(sequence=sequence)
        for name, value in trace[""].find().sequence(sequence).values.items():
            found = np.array(shown.ask("(name) => [...gatework.current().view.array(name)]", name))
            stated = shown.ask("() => gatework.current().view.precision()")
            assert stated < 2e-5
            assert np.abs(found.reshape(value.shape) - value).max() <= stated * 1.01


def test_hovering_tells_the_values_of_that_step_and_unit(shown, trace):
    part = trace[""].find().sequence(0)
    shown.set(order="index")
    for name, step, unit in (("f", 4, 2), ("c", 17, 13), ("h", 0, 0)):
        canvas = shown.page.locator(f"canvas[data-name={name}]")
        canvas.scroll_into_view_if_needed()
        box = canvas.bounding_box()
        shown.page.mouse.move(
            box["x"] + (step + 0.5) / 21 * box["width"],
            box["y"] + (unit + 0.5) / 16 * box["height"],
        )
        shown.settle()
        tooltip = shown.page.locator(".tooltip")
        assert f"step {step} {WORDS[0][step]}" in tooltip.inner_text()
        assert f"unit {unit}" in tooltip.inner_text()
        for gate, value in part.values.items():
            told = shown.number(f".tooltip output[data-name={gate}]")
            assert told == pytest.approx(value[step, unit], abs=6e-5)


@pytest.mark.parametrize("dark", [False, True])
def test_pixels_have_the_colours_of_the_values(visit, trace, dark):
    part = trace[""].find().sequence(0)
    with visit(trace, dark=dark) as shown:
        shown.set(order="index")
        paper = shown.ask("() => gatework.colours().diverging[127]")
        assert (sum(paper) < 150) == dark
        for name in ("c", "f", "g"):
            picture = shown.ask(
                """(name) => {
                  const canvas = document.querySelector(`canvas[data-name=${name}]`);
                  const {width, height} = canvas;
                  const dots = canvas.getContext("2d").getImageData(0, 0, width, height).data;
                  const at = (t, u) => {
                    const x = Math.floor((t + 0.5) / 21 * width);
                    const from = 4 * (Math.floor((u + 0.5) / 16 * height) * width + x);
                    return [...dots.slice(from, from + 3)];
                  };
                  return Array.from({length: 21}, (_, t) =>
                    Array.from({length: 16}, (_, u) => at(t, u)));
                }""",
                name,
            )
            colours = shown.ask("() => gatework.colours()")
            scale = shown.ask("(name) => gatework.current().view.scale(name)", name)
            values = part.values[name].astype(np.float64)
            share = values / scale["limit"]
            if scale["kind"] == "diverging":
                share = (share + 1) / 2
            level = 254 * np.clip(share, 0, 1)
            near = np.abs(level - np.round(level)) < 0.49  # 16 bits may tip a tie
            wanted = np.array(colours[scale["kind"]])[np.round(level).astype(int)]
            assert (np.array(picture)[near] == wanted[near]).all()


def test_gates_are_from_zero_to_one_and_states_about_zero(shown, trace):
    scales = {
        name: shown.ask("(name) => gatework.current().view.scale(name)", name) for name in "ifogch"
    }
    assert all(
        scales[name]["kind"] == "sequential" and scales[name]["limit"] == 1 for name in "ifo"
    )
    assert all(scales[name]["kind"] == "diverging" for name in "gch")


def test_a_click_on_a_heatmap_chooses_its_step_and_unit_for_all_panels(shown, trace):
    part = trace[""].find().sequence(0)
    canvas = shown.page.locator("canvas[data-name=i]")
    canvas.scroll_into_view_if_needed()
    box = canvas.bounding_box()
    row, step = 5, 9
    shown.page.mouse.click(
        box["x"] + (step + 0.5) / 21 * box["width"], box["y"] + (row + 0.5) / 16 * box["height"]
    )
    shown.settle()
    state = shown.state()
    unit = shown.ask("() => gatework.current().order")[row]
    assert (state["step"], state["unit"]) == (step, unit)
    assert shown.number(".diagram td[data-name=c]") == pytest.approx(
        part.memory[step, unit], abs=6e-5
    )
    assert shown.page.locator(".words .chosen").inner_text() == WORDS[0][step]
    assert f"Unit {unit}" in shown.page.locator(".card h3").inner_text()


def test_units_stand_in_the_order_of_their_timescales(shown, trace):
    from gatework.inspector.analyses.retention import timescales

    wanted = np.argsort(-timescales(trace[""].find()).timescale, kind="stable")
    assert shown.state()["order"] == "timescale"
    assert shown.ask("() => gatework.current().order") == wanted.tolist()
    shown.set(order="index")
    assert shown.ask("() => gatework.current().order") == list(range(16))


def test_the_keyboard_goes_where_the_mouse_goes(shown, trace):
    part = trace[""].find().sequence(0)
    shown.set(order="index", step=3, unit=4)
    shown.page.focus("#stack")
    for key in ("ArrowRight", "ArrowRight", "ArrowDown", "ArrowLeft", "ArrowUp", "ArrowDown"):
        shown.page.keyboard.press(key)
    shown.settle()
    assert (shown.state()["step"], shown.state()["unit"]) == (4, 5)
    assert "Step 4" in shown.page.locator(".diagram h3").inner_text()
    assert shown.number(".diagram td[data-name=f]") == pytest.approx(
        part.values["f"][4, 5], abs=6e-5
    )
    shown.page.keyboard.press("End")
    shown.page.keyboard.press("+")
    shown.settle()
    state = shown.state()
    assert state["step"] == 20
    assert (state["to"] - state["from"], state["to"]) == (14, 21)
    shown.page.keyboard.press("Home")
    shown.settle()
    assert shown.state()["from"] == 0
    shown.page.focus("#words")
    shown.page.keyboard.press("PageDown")
    shown.settle()
    assert shown.state()["step"] == 10


def test_everything_that_can_be_clicked_can_be_reached_by_tab(shown, trace):
    reached = set()
    for _ in range(60):
        shown.page.keyboard.press("Tab")
        reached.add(shown.ask("() => document.activeElement.id || document.activeElement.tagName"))
    assert {"stack", "words", "SELECT", "BUTTON", "SUMMARY"} <= reached


def test_the_ledger_is_that_of_the_analysis(shown, trace):
    one = trace[""].find().sequence(0)
    for step, unit in ((20, 3), (7, 11)):
        shown.set(step=step, unit=unit)
        found = ledger.ledger(one, step)
        told = shown.ask(
            "() => [...gatework.current().view.ledgerAt(gatework.store.get().step).written]"
        )
        rows = np.array(told).reshape(step + 1, 16)
        assert np.abs(rows - found.written[: step + 1]).max() < 1e-4
        bars = shown.ask(
            "() => [...document.querySelectorAll('.flow rect')].map((bar) =>"
            " [Number(bar.dataset.step), bar.classList.contains('minus')])"
        )
        assert {t: bool(found.written[t, unit] < 0) for t, _ in bars} == dict(bars)
        sizes = np.abs(found.written[:, unit])
        assert set(np.flatnonzero(sizes > 0.01 * sizes.max())) <= {t for t, _ in bars}
        sentence = shown.page.locator(".ledger-sentence").inner_text()
        assert f"After step {step} ({WORDS[0][step]}) unit {unit} holds c" in sentence
        assert "start 0" in sentence


def test_words_take_the_colour_of_the_chosen_unit(shown, trace):
    shown.set(mode="f", unit=6)
    values = trace[""].find().sequence(0).values["f"][:, 6]
    colours = shown.ask("() => gatework.colours().sequential")
    painted = shown.ask(
        "() => [...document.querySelectorAll('.words span')].map((s) => s.style.backgroundColor)"
    )
    for value, colour in zip(values, painted, strict=True):
        wanted = [tuple(colours[round(254 * value + tip)]) for tip in (-0.02, 0.02)]
        assert tuple(map(int, colour[4:-1].split(","))) in wanted


def test_the_theme_can_be_changed_by_hand(shown, trace):
    background = "() => getComputedStyle(document.body).backgroundColor"
    before = shown.ask(background)
    shown.page.get_by_label("Light or dark").click()
    shown.settle()
    assert shown.state()["theme"] == "dark"
    assert shown.ask(background) != before


def test_all_units_of_a_step_stand_in_a_table(shown, trace):
    shown.set(step=2)
    shown.page.locator(".values summary").click()
    shown.settle()
    rows = shown.ask(
        "() => [...document.querySelectorAll('.values tbody tr')]"
        ".map((row) => [Number(row.dataset.unit),"
        " ...[...row.cells].slice(1).map((cell) => cell.innerText)])"
    )
    heads = shown.page.locator(".values thead th").all_inner_texts()[1:]
    one = trace[""].find().sequence(0)
    assert len(rows) == 16
    for unit, *cells in rows:
        for head, cell in zip(heads, cells, strict=True):
            told = float(cell.replace("\N{MINUS SIGN}", "-"))
            assert told == pytest.approx(one.values[head.split()[0]][2, unit], abs=6e-5)
    shown.page.locator(".values summary").click()
