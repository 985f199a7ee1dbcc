// Figure: one unit of an LSTM with its gates in the reader's hand, and four things to bring about.
import { cellDiagram, linkParts } from "./diagram.js";
import { html, slider, slot, sub } from "./svg.js";
import { showEquations, unitStep } from "./unit.js";

const FIGURE = "figure-hand";
const START = { f: 1, i: 0.5, g: 1, o: 0, memory: 0.8 };

/** What one can do with three valves; each test gets the numbers of the drawing. */
const GOALS = [
  ["Keep it: the memory leaves as it came.", (v) => Math.abs(v.c - v.c_before) < 0.02 && v.f > 0.9],
  ["Forget it: the memory leaves empty.", (v) => Math.abs(v.c) < 0.03 && Math.abs(v.c_before) > 0.3],
  ["Replace it: −0.9 or less goes out, though +0.3 or more came in.", (v) => v.c <= -0.9 && v.c_before >= 0.3],
  ["Count: add what is offered to what is there, and lose nothing.", (v) => v.f > 0.95 && v.i > 0.95 && Math.abs(v.g) > 0.5],
  ["Know, but say nothing: a full memory, a silent unit.", (v) => Math.abs(v.c) > 0.7 && Math.abs(v.h) < 0.05],
];

export function handFigure() {
  const figure = document.getElementById(FIGURE);
  const state = { ...START };
  const reached = new Set();
  const diagram = cellDiagram(slot(FIGURE, "drawing"), "One unit of an LSTM with the value on each edge");
  diagram.build("lstm");
  linkParts(figure);

  const control = (key, label, range, hue) => slider({
    label, min: -range, max: range, step: 0.05, value: state[key], hue,
    change: (value) => { state[key] = value; draw(); },
  });
  const sliders = {
    memory: control("memory", "memory c_{t−1}", 2, "memory"),
    f: control("f", "forget gate, sum z_{f}", 6, "f"),
    i: control("i", "input gate, sum z_{i}", 6, "i"),
    g: control("g", "candidate, sum z_{g}", 3, "g"),
    o: control("o", "output gate, sum z_{o}", 6, "o"),
  };
  const reset = html("button", { type: "button" }, "start again");
  reset.addEventListener("click", () => {
    Object.assign(state, START);
    for (const [key, each] of Object.entries(sliders)) each.put(state[key]);
    draw();
  });
  slot(FIGURE, "controls").append(...Object.values(sliders).map((each) => each.element), reset);
  const items = GOALS.map(([text]) => html("li", {}, html("span", { class: "box" }), text));
  slot(FIGURE, "goals").append(...items);

  function draw() {
    const shown = unitStep("lstm", { sums: state, memory: state.memory });
    diagram.show({ ...shown, inputs: ["x", sub("t"), " and h", sub("t−1"), " enter every gate"] });
    showEquations(slot(FIGURE, "equations"), "lstm", shown);
    GOALS.forEach(([, test], k) => {
      const now = test(shown.values);
      if (now) reached.add(k);
      items[k].className = now ? "now" : reached.has(k) ? "once" : "";
      items[k].firstChild.textContent = reached.has(k) ? "✓" : "";
    });
  }
  draw();
}
