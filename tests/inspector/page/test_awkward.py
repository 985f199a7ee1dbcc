"""Traces that break pages: nothing in them, too much in them, hostile words, broken numbers."""

import dataclasses
import re

import numpy as np
import pytest
import torch
from torch import nn

import gatework
from gatework.inspector import recording
from gatework.inspector.page import payload

HOSTILE = ["</script><img src=x onerror=alert(1)>", "<!--", "&amp;", "'\"`${1}", "\u2028", "]]>"]


def test_a_step_that_is_not_a_number_says_so_and_has_a_colour_of_its_own(visit):
    x = torch.randn(12, 1, 3)
    x[7] = float("nan")
    trace = gatework.trace(gatework.LSTM(3, 4), x)
    with visit(trace) as shown:
        shown.set(order="index", step=8, unit=2)
        assert shown.page.locator(".diagram td[data-name=c]").inner_text() == "NaN"
        nan = shown.ask("() => gatework.colours().nan")
        dot = shown.ask(
            """() => {
              const canvas = document.querySelector("canvas[data-name=c]");
              const { width, height } = canvas;
              const row = canvas.getContext("2d").getImageData(0, height / 2, width, 1).data;
              const at = (t) => {
                const from = 4 * Math.floor((t + 0.5) / 12 * width);
                return [...row.slice(from, from + 3)];
              };
              return [at(9), at(2)];
            }"""
        )
        assert dot[0] == nan
        assert dot[1] != nan
        shown.set(step=5)
        assert np.isfinite(shown.number(".diagram td[data-name=c]"))
        assert "not finite" in shown.page.locator(".panel .complaint").inner_text()
        assert "not finite" in shown.page.locator(".card .complaint").inner_text()


def test_infinities_come_back_as_they_are(visit):
    trace = gatework.trace(gatework.RNN(2, 3, nonlinearity="relu"), torch.randn(4, 1, 2))
    part = trace[""].find()
    values = {name: value.copy() for name, value in part.values.items()}
    values["h"][2] = [np.inf, -np.inf, np.nan]
    first = dataclasses.replace(trace[""], passes=(dataclasses.replace(part, values=values),))
    with visit(dataclasses.replace(trace, recordings=(first,))) as shown:
        found = shown.ask("() => [...gatework.current().view.array('h')].slice(6, 9).map(String)")
        assert found == ["Infinity", "-Infinity", "NaN"]


def test_one_step(visit):
    trace = gatework.trace(gatework.GRU(3, 5), torch.randn(1, 1, 3), steps=[["x"]])
    with visit(trace) as shown:
        shown.page.focus("#stack")
        for key in ("ArrowRight", "ArrowLeft", "End", "+", "-"):
            shown.page.keyboard.press(key)
        shown.settle()
        assert shown.state()["step"] == 0
        assert shown.number(".diagram td[data-name=h]") == pytest.approx(
            trace[""].find().values["h"][0, shown.state()["unit"]], abs=6e-5
        )


def test_an_empty_sequence_among_others(visit):
    trace = gatework.trace(gatework.LSTM(3, 5), torch.randn(4, 3, 3), lengths=[4, 0, 2])
    with visit(trace) as shown:
        shown.set(sequence=1)
        assert shown.page.locator("#inspector > .empty").is_visible()
        assert not shown.page.locator("#stack").is_visible()
        shown.set(sequence=2)
        assert not shown.page.locator("#inspector > .empty").is_visible()
        assert shown.page.locator("#stack").is_visible()


def test_nothing_but_an_empty_sequence(visit):
    trace = gatework.trace(gatework.LSTM(3, 5), torch.randn(1, 1, 3), lengths=[0])
    with visit(trace) as shown:
        assert shown.page.locator("#inspector > .empty").is_visible()


def test_hostile_words_are_only_words(visit):
    trace = gatework.trace(
        gatework.LSTM(2, 4), torch.randn(6, 2, 2), steps=[HOSTILE, HOSTILE],
        sequences=HOSTILE[:2], features=HOSTILE[:2], loss=torch.rand(6, 2),
    )  # fmt: skip
    with visit(trace, title=HOSTILE[0], subtitle=HOSTILE[1]) as shown:
        shown.page.on("dialog", lambda dialog: shown.errors.append(dialog.message))
        for step in range(6):
            shown.set(step=step)
            shown.page.locator(f".words span[data-step='{step}']").hover()
        assert shown.page.locator("img").count() == 0
        words = shown.ask(
            "() => [...document.querySelectorAll('.words span')].map(s => s.textContent)"
        )
        assert words == [word.replace("\u2028", "\\u2028") for word in HOSTILE]
        assert shown.page.locator("h1").inner_text() == HOSTILE[0]


def test_five_thousand_steps_share_columns_and_say_so(visit, monkeypatch):
    monkeypatch.setattr(payload, "MOST_VALUES", 120_000)
    layer = gatework.LSTM(2, 8)
    trace = gatework.trace(layer, torch.randn(5000, 1, 2))
    one = trace[""].find().sequence(0)
    with visit(trace) as shown:
        pool = shown.ask("() => gatework.current().view.recording.pool")
        count = -(-5000 // pool)
        assert pool > 1
        assert f"{pool} steps a column" in shown.page.locator(".facts").inner_text()
        assert f"A column is {pool} steps" in shown.page.locator("#stack").inner_text()
        forget = np.array(shown.ask("() => [...gatework.current().view.array('f')]"))
        wanted = np.stack(
            [one.values["f"][k * pool : (k + 1) * pool].mean(0) for k in range(count)]
        )
        assert np.abs(forget.reshape(wanted.shape) - wanted).max() < 2e-5
        # The ledger of whole columns is still exact.
        gap = shown.ask(
            """() => {
              const { view } = gatework.current();
              const book = view.ledgerAt(view.T - 1);
              const at = (view.T - 1) * view.H;
              return Math.max(...book.initial.map((start, u) => {
                let sum = start;
                for (let k = 0; k < view.T; k++) sum += book.written[k * view.H + u];
                return Math.abs(sum - view.memory()[at + u]);
              }));
            }"""
        )
        assert gap < 2e-3


def test_more_sequences_than_fit_are_left_out_and_it_says_so(visit, monkeypatch):
    monkeypatch.setattr(payload, "MOST_VALUES", 50_000)
    trace = gatework.trace(gatework.GRU(2, 16), torch.randn(60, 40, 2))
    with visit(trace) as shown:
        count = len(shown.ask("() => gatework.current().view.recording.sequences"))
        assert 1 < count < 40
        assert f"{count} of 40 sequences" in shown.page.locator(".facts").inner_text()
    with visit(trace, sequences=(7, 31)) as shown:
        shown.set(sequence=1)
        found = shown.ask("() => [...gatework.current().view.array('h')]")
        assert np.abs(np.array(found) - trace[""].find().sequence(31).memory.ravel()).max() < 2e-5


class Translator(nn.Module):
    """An encoder and a decoder, as a forecaster or a translator has them."""

    def __init__(self) -> None:
        super().__init__()
        self.encoder = nn.LSTM(3, 6, batch_first=True)
        self.decoder = gatework.GRU(3, 6, batch_first=True)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        _, (h, _) = self.encoder(x)
        return self.decoder(x[:, :4], h)[0]


def test_an_encoder_of_torchs_and_a_decoder_of_ours(visit):
    with recording(model := Translator()) as recorder:
        model(torch.randn(2, 10, 3))
    trace = recorder.trace()
    with visit(trace) as shown:
        facts = shown.page.locator(".facts").inner_text()
        assert re.search(r"max \|Δh\| = \d\.\de-\d\d", facts)
        assert "encoder" in facts
        chooser = shown.page.get_by_label("Layer")
        options = [option.strip() for option in chooser.locator("option").all_inner_texts()]
        assert options == ["encoder l0", "decoder l0"]
        chooser.select_option("1.0")
        shown.settle()
        found = shown.ask("() => [...gatework.current().view.array('z')]")
        wanted = trace["decoder"].find().sequence(0).values["z"]
        assert np.abs(np.array(found) - wanted.ravel()).max() < 2e-5


@pytest.mark.parametrize("size", [(1440, 900), (390, 780)])
@pytest.mark.parametrize("dark", [False, True])
def test_nothing_sticks_out_of_a_window(visit, size, dark):
    trace = gatework.trace(
        gatework.LSTM(3, 24), torch.randn(60, 1, 3), steps=[["word"] * 60], loss=torch.rand(60, 1)
    )
    with visit(trace, size=size, dark=dark) as shown:
        assert shown.ask("() => document.documentElement.scrollWidth") <= size[0]
        widths = shown.ask(
            "() => [...document.querySelectorAll('.lane:not([hidden]) canvas')]"
            ".map((canvas) => canvas.clientWidth)"
        )
        assert min(widths) > 200
        ink, paper = (
            [
                int(part)
                for part in re.findall(
                    r"\d+", shown.ask(f"() => getComputedStyle(document.body).{name}")
                )
            ]
            for name in ("color", "backgroundColor")
        )
        assert abs(sum(ink) - sum(paper)) > 500
        assert (sum(paper) < sum(ink)) == dark


def test_attention_and_outputs_stand_under_the_gates(visit):
    trace = gatework.trace(gatework.LSTM(2, 4), torch.randn(6, 1, 2))
    looked = np.random.default_rng(0).dirichlet(np.ones(5), 6).astype(np.float32)
    said = np.linspace(-2, 2, 18, dtype=np.float32).reshape(6, 3)
    first = dataclasses.replace(trace[""], attention=looked, outputs=said)
    with visit(dataclasses.replace(trace, recordings=(first,))) as shown:
        for name, value, rows in (("attention", looked, 5), ("outputs", said, 3)):
            canvas = shown.page.locator(f"canvas[data-name={name}]")
            canvas.scroll_into_view_if_needed()
            box = canvas.bounding_box()
            shown.page.mouse.move(
                box["x"] + 3.5 / 6 * box["width"], box["y"] + 1.5 / rows * box["height"]
            )
            shown.settle()
            told = shown.number(f".tooltip output[data-name={name}]")
            assert told == pytest.approx(value[3, 1], abs=1e-4)
