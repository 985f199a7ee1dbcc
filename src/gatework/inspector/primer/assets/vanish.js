// Figure: one pulse, and how much of it a plain RNN and a memory cell still hold, and still feel.
import { scan } from "./cell.js";
import { chart } from "./chart.js";
import { html, number, power, slider, slot } from "./svg.js";

const FIGURE = "figure-vanish";
const FLOOR = 1e-16;
const CEILING = 1e8;

/** h of a plain RNN of one unit that gets a pulse at step 1 and nothing after: (T). */
function pulse(weight, size, steps) {
  const params = { weight_ih: Float64Array.of(1), weight_hh: Float64Array.of(weight) };
  const xs = new Float64Array(steps);
  xs[0] = size;
  return scan({ name: "rnn", hidden_size: 1 }, params, xs).values.h;
}

/** |dh_t / dh_1| for t = 1 ... T: the product of w (1 - h^2) over the steps between. */
export function gradientOf(weight, h) {
  let product = 1;
  return [...h].map((value, t) => {
    if (t > 0) product *= weight * (1 - value * value);
    return Math.abs(product);
  });
}

export function vanishFigure() {
  const state = { weight: 0.9, size: 1, forget: 0.98, steps: 60 };
  const content = chart(slot(FIGURE, "content"), {
    width: 620, height: 222, caption: "What the memory holds, step by step, after one pulse",
  });
  const gradient = chart(slot(FIGURE, "gradient"), {
    width: 620, height: 280, caption: "How much the first step still matters at each later step, on a logarithmic scale",
  });
  const readout = slot(FIGURE, "readout");

  const control = (key, options) => slider({
    ...options, value: state[key], change: (value) => { state[key] = value; draw(); },
  });
  const sliders = [
    control("weight", { label: "recurrent weight w", min: 0, max: 2, step: 0.01, hue: "rnn" }),
    control("size", { label: "pulse x_{1}", min: 0, max: 2, step: 0.05, hue: "rnn" }),
    control("forget", { label: "forget gate f", min: 0.5, max: 1, step: 0.005, show: (v) => number(v, 3), hue: "f" }),
    control("steps", { label: "steps T", min: 5, max: 200, step: 1, show: (v) => String(v) }),
  ];
  slot(FIGURE, "controls").append(...sliders.map((each) => each.element));

  function draw() {
    const { weight, size, forget, steps } = state;
    const h = pulse(weight, size, steps);
    const rnn = gradientOf(weight, h);
    const cell = rnn.map((_, t) => forget ** t);
    const start = Math.tanh(size);
    const points = (values) => [...values].map((value, t) => [t + 1, value]);
    const x = { min: 1, max: steps, name: "step t" };
    content.draw({
      x,
      y: { min: -0.1, max: 1.05, name: "what it holds" },
      lines: [
        { points: points(h), hue: "rnn", name: "RNN h_{t}" },
        { points: points(cell.map((share) => share * start)), hue: "f", name: "cell c_{t}" },
      ],
    });
    gradient.draw({
      x,
      y: { min: FLOOR, max: CEILING, log: true, name: "how much step 1 still matters" },
      lines: [
        { points: points(rnn), hue: "rnn", name: "RNN ∂h_{t}/∂h_{1}" },
        { points: points(rnn.map((_, t) => weight ** t)), hue: "muted", dash: "4 4", name: "RNN, no tanh" },
        { points: points(cell), hue: "f", name: "cell ∂c_{t}/∂c_{1}" },
      ],
    });
    const factors = rnn.slice(1, 4).map((value, t) => number(rnn[t] ? value / rnn[t] : 0));
    readout.replaceChildren(
      line("rnn", "RNN", `${factors.join(" × ")} × … = `, rnn.at(-1)),
      line("f", "cell", `${number(forget, 3)} × ${number(forget, 3)} × … = `, cell.at(-1)),
    );
    readout.append(html("p", { class: "verdict" }, verdict(rnn.at(-1), cell.at(-1))));
  }

  function line(hue, name, product, value) {
    const result = value >= 0.01 && value < 1e4 ? number(value, 3) : value === 0 ? "0" : power(value);
    return html("p", {}, html("b", { class: `ink-${hue}` }, name), ` ${product}`,
      html("output", { "data-value": String(value), "data-name": name }, result));
  }
  draw();
}

function verdict(rnn, cell) {
  if (rnn > 100) return "The RNN’s gradient explodes: one update may throw the weights anywhere.";
  if (rnn < 1e-4 * cell) return "The RNN learns nothing from step 1: its share is lost in the rounding. The cell still does.";
  if (cell < 1e-3) return "This forget gate is too low for this many steps: the cell forgets too.";
  if (rnn > 0.5) return "For once the RNN holds on: a balance on a knife’s edge. Move w a little.";
  return "Both still feel step 1. Add steps.";
}
