// Figure: the relatives of the LSTM as changes of one drawing.
import { cellDiagram, linkParts } from "./diagram.js";
import { choice, html, rich, slider, slot, sub } from "./svg.js";
import { showEquations, unitStep } from "./unit.js";

const FIGURE = "figure-variants";
const SUMS = {
  f: ["forget gate, sum z_{f}", 6], i: ["input gate, sum z_{i}", 6], g: ["candidate, sum z_{g}", 3],
  o: ["output gate, sum z_{o}", 6], r: ["reset gate, sum z_{r}", 6], z: ["update gate, sum z_{z}", 6],
  n: ["candidate, sum z_{n}", 3],
};

/** What differs, and the weights of a layer of I inputs and H units. */
const KINDS = {
  lstm: {
    name: "LSTM", by: "Hochreiter & Schmidhuber 1997; forget gate: Gers, Schmidhuber & Cummins 2000", gates: "figo", blocks: 4,
    text: "Three gates and a candidate. Keeping, writing and showing are three separate decisions.",
  },
  nofg: {
    name: "1997, no forget gate", by: "Hochreiter & Schmidhuber 1997", gates: "igo", blocks: 3,
    text: "The first LSTM: f is 1 for ever, a perfect counter. On a stream without end the memory only grows; that is why the forget gate came three years later.",
  },
  peephole: {
    name: "+ peepholes", by: "Gers, Schraudolph & Schmidhuber 2002", gates: "figo", blocks: 4, extra: 3, peep: true,
    text: "The gates also see the memory itself, each through one weight a unit; the output gate sees the new memory. It helps where exact timing or counting matters: with the output gate shut, h hides c from the gates.",
  },
  coupled: {
    name: "coupled: i = 1 − f", by: "Greff et al. 2017, as CIFG", gates: "fgo", blocks: 3,
    text: "Write exactly where you forget. A quarter of the weights less, seldom worse; but now it can neither count (keep and write) nor clear without writing.",
  },
  gru: {
    name: "GRU", by: "Cho et al. 2014", gates: "rzn", blocks: 3, recurrent: true,
    text: "No separate memory: h is the highway. z keeps, 1 − z writes, and nothing hides what is kept. The reset gate r says how much of the old h the candidate sees. In PyTorch, Keras and ONNX z means “keep”; in some papers it means “write”.",
  },
  rnn: {
    name: "plain RNN", by: "Elman 1990", gates: "n", blocks: 1, recurrent: true,
    text: "What all this replaces. The road ends at the box: the old state enters as one more input, and all is written anew.",
  },
};

export function variantsFigure() {
  const state = { f: 1, i: 0, g: 1, o: 1, r: 1, z: 1, n: 0.5, memory: 0.8, peep: 1.5, recurrent: 0.8 };
  let variant = "lstm";
  const diagram = cellDiagram(slot(FIGURE, "drawing"), "The chosen cell with the value on each edge");
  linkParts(document.getElementById(FIGURE));
  slot(FIGURE, "kinds").append(choice({
    label: "cell", options: Object.entries(KINDS).map(([key, each]) => [key, each.name]), value: variant,
    change: (key) => { variant = key; rebuild(); },
  }));

  function rebuild() {
    const kind = KINDS[variant];
    diagram.build(variant);
    const control = (key, label, range, hue) => slider({
      label, min: -range, max: range, step: 0.05, value: state[key], hue,
      change: (value) => { state[key] = value; draw(); },
    }).element;
    const noCell = variant === "gru" || variant === "rnn";
    const sliders = [...kind.gates].map((gate) => control(gate, ...SUMS[gate], gate));
    sliders.unshift(control("memory", noCell ? "old state h_{t−1}" : "memory c_{t−1}", noCell ? 1 : 2, "memory"));
    if (kind.peep) sliders.push(control("peep", "peephole weight p", 4, "added"));
    if (kind.recurrent) sliders.push(control("recurrent", "recurrent weight u", 3, "memory"));
    slot(FIGURE, "controls").replaceChildren(...sliders);
    const weights = html("p", { class: "remark" }, ...rich(
      `${kind.blocks} block${kind.blocks > 1 ? "s" : ""} of rows: ${kind.blocks}·H·(I + H + 2)${kind.extra ? ` + ${kind.extra}·H` : ""} weights, as PyTorch counts its two biases; with I = H = 128 that is `,
    ), html("output", { "data-weights": variant }, weightsOf(kind, 128, 128).toLocaleString("en")), ".");
    slot(FIGURE, "text").replaceChildren(html("p", {}, kind.text), html("p", { class: "remark" }, kind.by, "."), weights);
    draw();
  }

  function draw() {
    const shown = unitStep(variant, { sums: state, ...state });
    diagram.show({ ...shown, inputs: ["x", sub("t"), " and h", sub("t−1"), " enter every gate"] });
    showEquations(slot(FIGURE, "equations"), variant, shown);
  }
  rebuild();
}

function weightsOf({ blocks, extra = 0 }, inputs, hidden) {
  return blocks * hidden * (inputs + hidden + 2) + extra * hidden;
}
