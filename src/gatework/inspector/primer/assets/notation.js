// Figure: W x + U h + b and one matrix on [h, x] are the same numbers; the blocks slide together.
import { gates } from "./cell.js";
import { encode, run } from "./model.js";
import { choice, html, label, number, onArrows, power, slider, slot, svg, tint } from "./svg.js";

const FIGURE = "figure-notation";
const CELL = 31;
const ROW = 21;
const TOP = 66;
const ORDERS = [
  ["torch", "PyTorch: i f g o", ["i", "f", "g", "o"]],
  ["keras", "Keras: i f c o", ["i", "f", "g", "o"]],
  ["onnx", "ONNX: i o f c", ["i", "o", "f", "g"]],
];
const NAMES = { torch: { g: "g" }, keras: { g: "c" }, onnx: { g: "c" } };

export function notationFigure(model, store) {
  const width = model.cell.hidden_size;
  const inputs = 5;
  const rows = 4 * width;
  const state = { row: width, order: "torch", joined: 0 };
  const picture = svg("svg", {
    viewBox: `0 0 ${LAYOUT.total} ${TOP + rows * ROW + 44}`, class: "matrices", tabindex: "0", role: "slider",
    "aria-label": "The weights of the trained LSTM. Up and down choose a row.",
    "aria-valuemin": 1, "aria-valuemax": rows,
  });
  slot(FIGURE, "drawing").append(picture);
  const join = slider({
    label: "slide together", min: 0, max: 1, step: 0.01, value: 0,
    show: (value) => (value < 0.5 ? "W x + U h + b" : "W·[h, x] + b"),
    change: (value) => { state.joined = value; draw(); },
  });
  const play = html("button", { type: "button" }, "play");
  play.addEventListener("click", () => animate(state.joined < 0.5 ? 1 : 0));
  slot(FIGURE, "controls").append(join.element, play, choice({
    label: "order of the rows", options: ORDERS.map(([key, text]) => [key, text]), value: "torch",
    change: (order) => { state.order = order; draw(); },
  }));

  function animate(to) {
    const from = state.joined;
    const time = matchMedia("(prefers-reduced-motion: reduce)").matches ? 0 : 900;
    const start = performance.now();
    const frame = (now) => {
      const share = time ? Math.min(1, (now - start) / time) : 1;
      const eased = share * share * (3 - 2 * share);
      state.joined = from + (to - from) * eased;
      join.put(state.joined);
      draw();
      if (share < 1) requestAnimationFrame(frame);
    };
    requestAnimationFrame(frame);
  }

  /** The row of torch's weights that stands at place k. */
  function rowAt(k) {
    const order = ORDERS.find(([key]) => key === state.order)[2];
    const gate = order[Math.floor(k / width)];
    return { gate, row: gates(model.cell).indexOf(gate) * width + (k % width), unit: k % width };
  }

  function numbersOf() {
    const { tape, step } = store.get();
    const result = run(model, tape);
    const x = encode(tape[step]);
    const h = step > 0 ? result.values.h.slice((step - 1) * width, step * width) : new Float64Array(width);
    const { weight_ih, weight_hh, bias_ih, bias_hh } = model.params;
    return Array.from({ length: rows }, (_, k) => {
      const { gate, row, unit } = rowAt(k);
      const W = weight_ih.subarray(row * inputs, (row + 1) * inputs);
      const U = weight_hh.subarray(row * width, (row + 1) * width);
      const b = bias_ih[row] + bias_hh[row];
      const apart = dot(W, x) + dot(U, h) + b;
      const both = [...U, ...W];
      const joined = dot(both, [...h, ...x]) + b;
      return { gate, unit, W, U, b, x, h, apart, joined };
    });
  }

  function draw() {
    const numbers = numbersOf();
    const { joined: s } = state;
    const mix = (from, to) => from + (to - from) * s;
    picture.replaceChildren();
    const at = Object.fromEntries(Object.entries(LAYOUT.places).map(([name, [from, to]]) => [name, mix(from, to)]));
    numbers.forEach((each, k) => drawRow(each, k, at));
    drawVectors(numbers[0], at);
    const signs = [["plus1", "+", 1 - s], ["plus2", "+", 1], ["equals", "=", 1]];
    const middle = TOP + (rows * ROW) / 2 + 6;
    for (const [name, sign, opacity] of signs) {
      picture.append(svg("text", { x: at[name], y: middle, class: "operator", opacity }, sign));
    }
    const heads = [["W", "W", "from x"], ["U", "U", "from h"], ["b", "b", ""], ["z", "z", "sums"]];
    for (const [name, text, note] of heads) {
      const columns = { W: inputs, U: width, b: 1, z: 2 }[name];
      picture.append(svg("text", { x: at[name] + (columns * CELL) / 2, y: 20, class: "matrix-name" }, text));
      picture.append(svg("text", { x: at[name] + (columns * CELL) / 2, y: 35, class: "tick middle" }, note));
    }
    picture.append(svg("rect", {
      class: "joint", x: at.U - 3, y: TOP - 3, width: (inputs + width) * CELL + 5, height: rows * ROW + 5, rx: 5, opacity: s ** 4,
    }));
    picture.append(svg("rect", {
      class: "cursor", x: 28, y: TOP + state.row * ROW - 2, width: at.z + 2 * CELL - 22, height: ROW + 2, rx: 4,
    }));
    spell(numbers);
  }

  function drawRow(each, k, at) {
    const y = TOP + k * ROW;
    if (each.unit === 0) {
      const shown = NAMES[state.order][each.gate] ?? each.gate;
      picture.append(svg("text", { x: 10, y: y + (width * ROW) / 2 + 6, class: `gate-name ink-${each.gate}` }, shown));
    }
    const put = (value, x, scale) => {
      const cell = svg("g", { "data-row": k, transform: `translate(${x} ${y})` });
      cell.append(tint(svg("rect", { width: CELL - 1, height: ROW - 1, rx: 2 }), value, null, scale));
      cell.append(svg("text", { x: CELL / 2 - 0.5, y: 14, class: "entry" }, brief(value)));
      picture.append(cell);
    };
    each.W.forEach((value, c) => put(value, at.W + c * CELL, 8));
    each.U.forEach((value, c) => put(value, at.U + c * CELL, 8));
    put(each.b, at.b, 8);
    const sum = svg("g", { "data-row": k, transform: `translate(${at.z} ${y})` });
    sum.append(tint(svg("rect", { width: 2 * CELL, height: ROW - 1, rx: 2 }), each.apart, null, 8));
    sum.append(svg("text", { x: CELL, y: 14, class: "entry", "data-z": `${each.gate}${each.unit}` }, number(each.apart)));
    picture.append(sum);
  }

  /** The vectors lie above the columns that they multiply. */
  function drawVectors({ x, h }, at) {
    const put = (value, left, name) => {
      const cell = svg("g", { transform: `translate(${left} ${TOP - 25})` });
      cell.append(tint(svg("rect", { width: CELL - 1, height: ROW - 2, rx: 9, class: "vector" }), value));
      cell.append(svg("text", { x: CELL / 2 - 0.5, y: 13.5, class: "entry" }, brief(value)));
      cell.append(svg("title", {}, `${name} ${number(value, 4)}`));
      picture.append(cell);
    };
    x.forEach((value, c) => put(value, at.W + c * CELL, "x"));
    h.forEach((value, c) => put(value, at.U + c * CELL, "h"));
    picture.append(label("x", { x: at.W - 12, y: TOP - 10, class: "vector-name", opacity: Math.max(0, 1 - 3 * state.joined) }));
    picture.append(label("h", { x: at.U - 12, y: TOP - 10, class: "vector-name" }));
  }

  function spell(numbers) {
    const each = numbers[state.row];
    const signed = (value) => (value < 0 ? `(${number(value)})` : number(value));
    const term = (weight, value) => `${signed(weight)}·${signed(value)}`;
    const fromX = [...each.W].map((w, k) => term(w, each.x[k]));
    const fromH = [...each.U].map((w, k) => term(w, each.h[k]));
    const apart = [["W x", fromX.join(" + ")], ["U h", fromH.join(" + ")], ["b", number(each.b)]];
    const most = Math.max(...numbers.map((one) => Math.abs(one.apart - one.joined)));
    const name = `z of ${NAMES[state.order][each.gate] ?? each.gate}, unit ${each.unit + 1}`;
    slot(FIGURE, "apart").replaceChildren(...apart.map(([head, text]) => html("p", {}, html("b", {}, `${head} = `), text)),
      html("p", { class: "result" }, `${name} = `, html("output", { "data-route": "apart" }, number(each.apart, 6))));
    slot(FIGURE, "joined").replaceChildren(
      html("p", {}, html("b", {}, "W·[h, x] = "), [...fromH, ...fromX].join(" + ")),
      html("p", {}, html("b", {}, "b = "), number(each.b)),
      html("p", { class: "result" }, `${name} = `, html("output", { "data-route": "joined" }, number(each.joined, 6))));
    slot(FIGURE, "difference").replaceChildren(
      "The largest difference of the two over all 16 rows: ",
      html("output", { "data-difference": String(most) }, most === 0 ? "0" : power(most)),
      most === 0 ? "." : ", the rounding of another order of adding.");
    picture.setAttribute("aria-valuenow", state.row + 1);
    picture.setAttribute("aria-valuetext", `${name}: ${number(each.apart, 4)}`);
  }

  const go = (by) => () => {
    state.row = Math.min(rows - 1, Math.max(0, state.row + by));
    draw();
  };
  onArrows(picture, {
    ArrowUp: go(-1), ArrowDown: go(1), ArrowLeft: go(-1), ArrowRight: go(1), Home: go(-rows), End: go(rows),
  });
  picture.addEventListener("click", (event) => {
    const row = event.target.closest("[data-row]")?.dataset.row;
    if (row === undefined) return;
    state.row = Number(row);
    draw();
  });
  store.listen(draw);
}

const dot = (weights, values) => weights.reduce((sum, weight, k) => sum + weight * values[k], 0);

/** One decimal at most: there is little room in a matrix. */
function brief(value) {
  const text = Math.abs(value) >= 9.95 ? Math.abs(value).toFixed(0) : Math.abs(value).toFixed(1).replace(/\.0$/, "");
  return value < 0 && Number(text) !== 0 ? `−${text}` : text;
}

/** Where each part stands: apart, and joined. */
const LAYOUT = {
  total: 660,
  places: {
    W: [64, 196], plus1: [236, 266], U: [270, 72], plus2: [416, 372],
    b: [440, 398], equals: [494, 452], z: [520, 478],
  },
};
