// Figure: backpropagation through time in the trained models: where the gradient of the answer goes.
import { chart } from "./chart.js";
import { backpropagate, cellPath, norms } from "./gradients.js";
import { ANSWERS, run, targets } from "./model.js";
import { choice, html, label, number, power, slider, slot, svg, tint } from "./svg.js";

const FIGURE = "figure-unrolled";
const SHOWN = 15;
const PITCH = 48;
const DEEPEST = -12; // powers of ten from full colour to none
const NAMES = { lstm: "LSTM", gru: "GRU", rnn: "RNN" };

/** A capital, then noise, then the question: gap steps lie between. */
export function gapTape(gap) {
  const noise = "acbbacabcc";
  return `B${Array.from({ length: gap }, (_, t) => noise[t % noise.length]).join("")}?`;
}

/** For each model the norms of dL/dm at every step, relative to that at the question. */
export function flows(models, tape) {
  const at = tape.length - 1;
  const wanted = targets(tape)[at];
  return Object.fromEntries(Object.entries(models).map(([name, model]) => {
    const result = run(model, tape);
    const found = backpropagate(model, result, at, wanted);
    const memory = norms(found.memory, result.hidden);
    const hidden = norms(found.hidden, result.hidden);
    return [name, {
      memory: memory.map((value) => value / memory[at]),
      hidden: hidden.map((value) => value / hidden[at]),
      path: name === "lstm" ? cellPath(result, at) : null,
      said: result.said[at],
      loss: found.loss,
    }];
  }));
}

export function unrolledFigure(models) {
  const state = { gap: 40, model: "lstm" };
  const picture = svg("svg", { class: "unrolled", role: "img", viewBox: `0 0 ${PITCH * SHOWN + 16} 208` });
  slot(FIGURE, "graph").append(picture);
  const lines = chart(slot(FIGURE, "chart"), {
    width: 720, height: 300, caption: "The gradient against the distance from the question, on a logarithmic scale",
  });
  const gap = slider({
    label: "gap", min: 1, max: 200, step: 1, value: state.gap, show: (value) => `${value} steps`,
    change: (value) => { state.gap = value; draw(); },
  });
  slot(FIGURE, "controls").append(
    choice({
      label: "drawn", options: Object.entries(NAMES), value: "lstm",
      change: (model) => { state.model = model; draw(); },
    }),
    gap.element,
  );

  function draw() {
    const tape = gapTape(state.gap);
    const all = flows(models, tape);
    drawGraph(tape, all[state.model]);
    const last = tape.length - 1;
    const points = (values) => values.map((value, t) => [last - t, value]).reverse();
    lines.draw({
      x: { min: 0, max: last, name: "steps back from the question" },
      y: { min: 1e-20, max: 10, log: true, name: "gradient, relative to the question’s" },
      lines: [
        ...Object.keys(NAMES).map((name) => ({ points: points(all[name].memory), hue: name, name: NAMES[name] })),
        { points: points(all.lstm.path), hue: "muted", dash: "4 4", name: "product of f" },
      ],
    });
    slot(FIGURE, "readout").replaceChildren(...Object.keys(NAMES).map((name) => {
      const right = all[name].said === 1;
      const value = all[name].memory[0];
      return html("p", {}, html("b", { class: `ink-${name}` }, NAMES[name]),
        ` answers ${ANSWERS[all[name].said]} ${right ? "✓" : "✗"}; at step 1 its gradient is `,
        html("output", { "data-model": name, "data-value": String(value) },
          value >= 0.01 && value < 1000 ? number(value) : value === 0 ? "0" : power(value)), " of the question’s.");
    }));
  }

  function drawGraph(tape, flow) {
    picture.replaceChildren();
    const isLstm = state.model === "lstm";
    const steps = [...tape].map((symbol, t) => ({ symbol, t }));
    const cut = steps.length > SHOWN;
    const shown = cut ? [...steps.slice(0, 6), null, ...steps.slice(-(SHOWN - 7))] : steps;
    const x = (k) => 8 + k * PITCH + PITCH / 2;
    const edge = (from, to, y, share, name, t) => {
      const path = svg("path", { d: `M${from} ${y} H${to}`, class: "flow", "data-edge": `${name} ${t}`, "data-value": String(share) });
      const depth = share > 0 ? Math.max(0, 1 - Math.log10(Math.min(1, share)) / DEEPEST) : 0;
      path.style.strokeWidth = `${1.2 + 8 * depth}px`;
      picture.append(tint(path, depth, "flow"));
    };
    shown.forEach((each, k) => {
      if (k === 0) return;
      const t = each ? each.t - 1 : steps.length - (SHOWN - 7) - 1;
      const share = (values) => values[t];
      edge(x(k) - 17, x(k - 1) + 17, 62, share(flow.memory), "memory", t);
      if (isLstm) edge(x(k) - 17, x(k - 1) + 17, 98, share(flow.hidden), "hidden", t);
    });
    shown.forEach((each, k) => {
      if (!each) {
        picture.append(svg("rect", { x: x(k) - 22, y: 40, width: 44, height: 80, class: "cut" }));
        picture.append(svg("text", { x: x(k), y: 86, class: "operator" }, "…"));
        return;
      }
      const last = each.t === tape.length - 1;
      picture.append(svg("rect", { x: x(k) - 17, y: 44, width: 34, height: isLstm ? 72 : 36, rx: 7, class: last ? "node last" : "node" }));
      if (isLstm) picture.append(svg("text", { x: x(k), y: 66, class: "lane" }, "c"), svg("text", { x: x(k), y: 102, class: "lane" }, "h"));
      else picture.append(svg("text", { x: x(k), y: 66, class: "lane" }, "h"));
      picture.append(svg("path", { d: `M${x(k)} 140 V${isLstm ? 118 : 82}`, class: "feed" }));
      picture.append(svg("text", { x: x(k), y: 158, class: `symbol ${each.symbol === "?" ? "ask" : each.symbol === "B" ? "capital" : "noise"}` }, each.symbol));
      const value = flow.memory[each.t];
      picture.append(svg("text", { x: x(k), y: 182, class: "tick middle" }, value >= 0.01 && value < 100 ? number(value) : power(value).replace(/^.*·/, "")));
      if (last) {
        picture.append(svg("path", { d: `M${x(k)} 44 V26`, class: "feed" }));
        picture.append(label("L", { x: x(k), y: 19, class: "lane" }));
      }
    });
    picture.append(svg("text", { x: 8, y: 202, class: "tick" }, "below each step: how large the gradient still is there (the question’s is 1)"));
    picture.setAttribute("aria-label", `${NAMES[state.model]} unrolled over ${tape.length} steps; the gradient at step 1 is ${power(flow.memory[0])} of that at the question`);
  }
  draw();
}
