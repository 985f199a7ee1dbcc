"""How large a page is, how soon it is seen, and what it may do."""

import html
import re

import pytest
import torch

import gatework
from gatework.inspector.page import notebook_html, page_html


@pytest.fixture(scope="module")
def trace():
    torch.manual_seed(4)
    layer = gatework.LSTM(64, 256)
    return gatework.trace(layer, torch.randn(200, 1, 64), steps=[[f"w{t}" for t in range(200)]])


def test_200_steps_of_256_units_are_under_a_megabyte(trace):
    text = page_html(trace)
    assert len(text.encode()) < 1e6
    assert "the page would pass 1 MB" in text  # why the weights are not in it


def test_first_paint_is_under_a_second(visit, trace):
    with visit(trace) as shown:
        paints = shown.ask(
            "() => performance.getEntriesByType('paint').map((each) => each.startTime)"
        )
        assert max(paints) < 1000
        assert shown.ask("() => performance.now()") < 20_000


def test_the_policy_lets_nothing_in_and_nothing_out(trace):
    text = page_html(trace)
    (policy,) = re.findall(r'http-equiv="Content-Security-Policy" content="([^"]*)"', text)
    rules = dict(rule.strip().split(" ", 1) for rule in html.unescape(policy).split(";"))
    assert rules["default-src"] == "'none'"
    assert set(rules) == {"default-src", "script-src", "style-src", "base-uri", "form-action"}
    assert re.fullmatch(r"'sha256-[\w+/]+=*'", rules["script-src"])
    assert re.fullmatch(r"'sha256-[\w+/]+=*'", rules["style-src"])
    addresses = set(re.findall(r"https?://[^\s\"'`)<]+", text))
    assert addresses <= {"http://www.w3.org/2000/svg"}  # the name of SVG, which nothing fetches


def test_a_script_that_is_not_the_pages_own_does_not_run(visit, trace, tmp_path):
    path = tmp_path / "tampered.html"
    path.write_text(
        page_html(trace).replace("</body>", "<script>window.stranger = 1</script></body>")
    )
    with visit(path, strangers=True) as shown:
        assert shown.ask("() => window.stranger === undefined")
        assert len(shown.blocked) == 1


def test_a_notebook_shows_it_in_a_frame_of_its_own(visit, tmp_path):
    trace = gatework.trace(gatework.GRU(2, 4), torch.randn(5, 1, 2))
    frame = notebook_html(trace)
    assert frame.startswith("<iframe ")
    assert 'sandbox="allow-scripts"' in frame
    path = tmp_path / "notebook.html"
    path.write_text(f"<!doctype html><script>window.__ready = true</script>{frame}")
    with visit(path) as shown:
        inner = shown.page.frames[1]
        inner.wait_for_selector("canvas[data-name=h]")
        told = float(
            inner.locator(".diagram td[data-name=h]").inner_text().replace("\N{MINUS SIGN}", "-")
        )
        unit = inner.evaluate("() => gatework.store.get().unit")
        assert told == pytest.approx(trace[""].find().values["h"][4, unit], abs=6e-5)


def test_weights_come_along_unless_they_take_the_page_over_a_megabyte(trace):
    small = gatework.trace(gatework.GRU(2, 4), torch.randn(5, 1, 2))
    assert '"what_if":{"obstacle":null' in page_html(small)
    assert '"obstacle":"it was not asked for"' in page_html(small, what_if=False)
    assert '"what_if":{"obstacle":null' in page_html(trace, what_if=True)
    huge = gatework.trace(gatework.LSTM(2, 400), torch.randn(5, 1, 2))
    assert "more than 2 MB" in page_html(huge, what_if=True)


def test_paper_is_light(visit):
    trace = gatework.trace(gatework.GRU(2, 4), torch.randn(5, 1, 2))
    with visit(trace, dark=True) as shown:
        paper = "() => gatework.colours().diverging[127].reduce((sum, part) => sum + part)"
        assert shown.ask(paper) < 150
        shown.ask("() => { dispatchEvent(new Event('beforeprint')); }")
        assert shown.ask(paper) > 700
        shown.ask("() => { dispatchEvent(new Event('afterprint')); }")
        shown.settle()
        assert shown.ask(paper) < 150
