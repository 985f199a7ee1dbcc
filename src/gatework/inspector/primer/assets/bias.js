// Figure: what the forget gate's first bias means for what is left after a while, and for learning.
import { chart } from "./chart.js";
import { html, number, power, slider, slot } from "./svg.js";

const FIGURE = "figure-bias";
const sigmoid = (value) => 1 / (1 + Math.exp(-value));
const HUES = { "0.0": "rnn", "1.0": "gru", "3.0": "lstm" };

export function biasFigure(data) {
  const state = { bias: 1, gap: data.gap };
  const left = chart(slot(FIGURE, "kept"), {
    width: 620, height: 250, caption: "What is left of the memory, and of the gradient, step by step",
  });
  const learnt = chart(slot(FIGURE, "learnt"), {
    width: 620, height: 250, caption: "Share of right answers during training, by the first forget bias",
  });
  const control = (key, options) => slider({
    ...options, value: state[key], change: (value) => { state[key] = value; draw(); },
  }).element;
  slot(FIGURE, "controls").append(
    control("bias", { label: "forget bias b_{f}", min: -2, max: 7, step: 0.1, hue: "f", show: (v) => number(v, 1) }),
    control("gap", { label: "steps to bridge", min: 1, max: 200, step: 1, show: (v) => String(v) }),
  );

  function draw() {
    const { bias, gap } = state;
    const keep = sigmoid(bias);
    const curve = (b) => Array.from({ length: gap + 1 }, (_, k) => [k, sigmoid(b) ** k]);
    left.draw({
      x: { min: 0, max: gap, name: "steps" },
      y: { min: 0, max: 1, name: "left of the memory" },
      lines: [
        ...[0, 1, 3].map((b) => ({ points: curve(b), hue: "muted", dash: "3 4", name: `b_{f} = ${b}` })),
        { points: curve(bias), hue: "f", name: "yours" },
      ],
    });
    const rest = keep ** gap;
    const fact = (key, name, text) => html("div", {}, html("dt", {}, name), html("dd", {}, html("output", { "data-fact": key }, text)));
    slot(FIGURE, "facts").replaceChildren(
      fact("gate", "forget gate σ(b)", number(keep, 3)),
      fact("half-life", "half-life", `${number(Math.log(0.5) / Math.log(keep), 1)} steps`),
      fact("left", `left after ${gap}`, rest >= 0.001 ? `${number(100 * rest, 1)} %` : power(rest)),
      fact("needed", `half left after ${gap} needs`, `b = ${number(-Math.log(2 ** (1 / gap) - 1), 2)}`),
    );
  }

  learnt.draw({
    x: { min: 0, max: data.steps.at(-1), name: "training steps" },
    y: { min: 0.2, max: 1, name: "right answers" },
    lines: Object.entries(data.curves).flatMap(([bias, seeds]) => [
      ...seeds.map((values) => ({ points: values.map((value, k) => [data.steps[k], value]), hue: `${HUES[bias]} thin`, name: "" })),
      { points: mean(seeds).map((value, k) => [data.steps[k], value]), hue: HUES[bias], name: `b_{f} = ${Number(bias)}` },
    ]),
  });
  draw();
}

const mean = (rows) => rows[0].map((_, k) => rows.reduce((sum, row) => sum + row[k], 0) / rows.length);
