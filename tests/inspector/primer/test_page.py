"""The page as a page: offline, by keyboard, in the dark, on a phone, on paper."""

import re
from pathlib import Path

import pytest

from gatework.cli.primer import primer as primer_command
from gatework.errors import InputError
from gatework.inspector.modules import bundle
from gatework.inspector.primer.page import read_asset, render

CONTRAST = Path(__file__).with_name("contrast.js")
FIGURES = ("vanish", "hand", "step", "gates", "notation", "unrolled", "variants", "bias")


def test_every_figure_is_drawn_and_has_a_name(primer):
    for figure in FIGURES:
        drawn = primer.page.locator(f"#figure-{figure}")
        assert drawn.get_attribute("aria-label")
        assert drawn.locator("svg").first.bounding_box()["height"] > 100
    for svg in primer.page.locator("main svg").all():
        assert svg.get_attribute("aria-label")


def test_nothing_may_be_loaded_and_only_the_page_s_own_script_runs(primer):
    policy = re.search(r'Content-Security-Policy" content="([^"]+)"', render())
    assert policy is not None
    assert policy[1].startswith("default-src 'none'; script-src 'sha256-")
    assert "unsafe" not in policy[1]
    assert not re.search(r"https?:|//\w", render().replace("http://www.w3.org/2000/svg", ""))
    blocked = primer.page.evaluate(
        "() => { const s = document.createElement('script'); s.textContent = 'window.bad = 1';"
        " document.head.append(s); return window.bad === undefined; }"
    )
    assert blocked
    assert "script-src" in primer.errors.pop()


def test_it_is_small():
    assert len(render().encode()) < 200_000


def test_the_tape_is_edited_by_keyboard(primer):
    strip = primer.page.locator("#figure-step .strip")
    strip.focus()
    strip.press("Home")
    assert strip.get_attribute("aria-valuenow") == "1"
    strip.press("ArrowRight")
    strip.press("C")
    assert strip.locator("b").all_inner_texts()[:3] == ["c", "C", "a"]
    strip.press("ArrowRight")
    strip.press("Delete")
    strip.press("Backspace")
    assert "".join(strip.locator("b").all_inner_texts()) == "cCab?caAbcb?c?"
    said = strip.locator("i.right").all_inner_texts()
    assert said == ["C", "A", "A"]
    assert "the model says" in strip.get_attribute("aria-valuetext")


def test_a_tape_can_be_emptied_and_filled(primer):
    strip = primer.page.locator("#figure-step .strip")
    for _ in range(18):
        strip.press("Delete")
    assert strip.locator("b").all_inner_texts() == ["?"]
    for _ in range(25):
        strip.press("+")
    assert len(strip.locator("b").all_inner_texts()) == 24


def test_the_heatmap_moves_by_keyboard(primer):
    heat = primer.page.locator("#figure-gates svg.heat")
    readout = primer.page.locator("#figure-gates [data-slot=readout]")
    heat.press("Home")
    assert readout.inner_text().startswith("step 1 “c” · unit 1 · memory c = ")
    heat.press("ArrowUp")
    assert "unit 4 · candidate g" in readout.inner_text()
    heat.press("ArrowRight")
    assert readout.inner_text().startswith("step 2 “B” · unit 4")


def test_tab_reaches_everything_that_can_be_moved(primer):
    reached = primer.page.evaluate(
        "() => [...document.querySelectorAll('figure input, figure button, figure [tabindex]')]"
        ".every((each) => { each.focus(); return document.activeElement === each; })"
    )
    assert reached
    slider = primer.page.locator("#figure-vanish input[type=range]").first
    before = primer.value("#figure-vanish output[data-name=RNN]")
    slider.press("ArrowRight")
    assert primer.value("#figure-vanish output[data-name=RNN]") > before


def test_pointing_at_an_equation_lights_up_the_drawing(primer):
    primer.page.locator("#figure-hand .equation[data-part=c]").hover()
    lit = primer.page.locator("#figure-hand svg .lit[data-part]")
    assert {each.get_attribute("data-part") for each in lit.all()} == {"c"}


def test_joining_the_matrices(primer):
    primer.page.locator("#figure-notation button", has_text="play").click()
    primer.wait("document.querySelector('#figure-notation input[type=range]').value === '1'")
    assert primer.text("#figure-notation .slider output") == "W·[h, x] + b"


def test_answers_are_hidden_until_asked_for(primer):
    first = primer.page.locator("details.ask").first
    answer = first.locator("p")
    assert not answer.is_visible()
    first.locator("summary").press("Enter")
    assert answer.is_visible()
    assert "22.8" in answer.inner_text()


@pytest.mark.parametrize("dark", [False, True])
def test_text_can_be_read_in_light_and_dark(visit, dark):
    """WCAG AA: 4.5 to 1 for text, on the page and in the figures."""
    with visit(dark=dark) as primer:
        worst = primer.page.evaluate(CONTRAST.read_text(encoding="utf-8"))
    assert len(worst) > 100
    assert min(ratio for ratio, _ in worst) >= 4.5, sorted(worst)[:5]


@pytest.mark.parametrize("width", [360, 820, 1600])
def test_no_sideways_scrolling(visit, width):
    with visit(size=(width, 800)) as primer:
        assert primer.page.evaluate("document.documentElement.scrollWidth") <= width


def test_it_prints(primer, tmp_path: Path):
    primer.page.emulate_media(media="print")
    assert not primer.page.locator("nav").is_visible()
    assert primer.page.locator("#figure-gates svg").first.is_visible()
    primer.page.pdf(path=tmp_path / "primer.pdf")
    assert (tmp_path / "primer.pdf").stat().st_size > 50_000


def test_modules_keep_their_names_to_themselves():
    script = bundle("primer", read_asset)
    assert script.count("const module_svg = ") == 1
    places = [script.index(f"const module_{name} = ") for name in ("cell", "model", "primer")]
    assert places == sorted(places)
    assert not re.search(r"^import ", script, re.MULTILINE)


def test_the_command(tmp_path: Path, capsys: pytest.CaptureFixture[str]):
    path = tmp_path / "learn.html"
    primer_command(out=path)
    assert capsys.readouterr().out == f"{path}\n"
    assert path.read_text(encoding="utf-8").startswith("<!doctype html>")
    with pytest.raises(InputError, match=r"\.html"):
        primer_command(out=tmp_path / "learn.txt")
