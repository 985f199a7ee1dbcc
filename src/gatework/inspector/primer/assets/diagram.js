// The drawing of a cell: one layout for each kind, with the numbers of one unit on its edges.
import { svg, set, label, number, tint } from "./svg.js";

const WIDTH = 760;
const HEIGHT = 356;
const HIGHWAY = 62;
const BUS = 312;
const GATE_Y = 244;

/**
 * What is drawn. Each edge is [name of the value on it, points, where its number stands, options];
 * each gate [letter, x, squashing function]; each knot [sign, x, y, gate that opens it].
 */
const LAYOUTS = {
  lstm: {
    gates: [["f", 190, "σ"], ["i", 318, "σ"], ["g", 432, "tanh"], ["o", 560, "σ"]],
    knots: [["×", 190, HIGHWAY, "f"], ["+", 432, HIGHWAY], ["×", 432, 146, "i"], ["×", 668, 190, "o"]],
    edges: [
      ["c_before", [[16, HIGHWAY], [172, HIGHWAY]], [84, 44], { role: "memory" }],
      ["kept", [[208, HIGHWAY], [414, HIGHWAY]], [312, 44], { role: "memory" }],
      ["c", [[450, HIGHWAY], [744, HIGHWAY]], [556, 44], { role: "memory" }],
      ["f", [[190, 220], [190, 80]], [190, 150], { gate: true }],
      ["i", [[318, 220], [318, 146], [414, 146]], [352, 146], { gate: true }],
      ["g", [[432, 220], [432, 164]], [432, 193], {}],
      ["written", [[432, 128], [432, 80]], [432, 104], {}],
      ["shown", [[668, HIGHWAY], [668, 172]], [668, 146], { through: "tanh" }],
      ["o", [[560, 220], [560, 190], [650, 190]], [604, 190], { gate: true }],
      ["h", [[668, 208], [668, BUS], [744, BUS]], [668, 262], {}],
    ],
    ends: [["c_{t−1}", 16, 84], ["c_{t}", 744, 84], ["h_{t}", 744, 334]],
  },
  gru: {
    gates: [["r", 190, "σ"], ["z", 330, "σ"], ["n", 520, "tanh"]],
    knots: [["×", 330, HIGHWAY, "z"], ["+", 600, HIGHWAY], ["×", 600, 146, "1−z"], ["×", 424, 200, "r"]],
    edges: [
      ["h_before", [[16, HIGHWAY], [312, HIGHWAY]], [150, 44], { role: "memory" }],
      ["kept", [[348, HIGHWAY], [582, HIGHWAY]], [464, 44], { role: "memory" }],
      ["h", [[618, HIGHWAY], [744, HIGHWAY]], [684, 44], { role: "memory" }],
      ["z", [[330, 220], [330, 80]], [330, 128], { gate: true }],
      ["1−z", [[330, 166], [470, 166], [470, 146], [582, 146]], [536, 128], { gate: true }],
      ["r", [[190, 220], [190, 200], [406, 200]], [262, 200], { gate: true }],
      ["reset", [[442, 200], [520, 200], [520, 220]], [484, 200], {}],
      ["n", [[538, 244], [600, 244], [600, 164]], [600, 206], {}],
      ["written", [[600, 128], [600, 80]], [600, 104], {}],
    ],
    ends: [["h_{t−1}", 16, 84], ["h_{t}", 744, 84]],
    feeds: [[424, 218]],
  },
  rnn: {
    gates: [["n", 432, "tanh"]],
    knots: [],
    edges: [
      ["h_before", [[16, HIGHWAY], [120, HIGHWAY], [120, BUS]], [120, 146], {}],
      ["h", [[432, 220], [432, HIGHWAY], [744, HIGHWAY]], [432, 146], {}],
    ],
    ends: [["h_{t−1}", 16, 84], ["h_{t}", 744, 84]],
  },
};

/** What each variant of the LSTM adds or takes away. */
const VARIANTS = {
  lstm: {},
  peephole: {
    edges: [
      ["peep_f", [[128, HIGHWAY], [128, 200], [178, 200], [178, 220]], null, { added: true }],
      ["peep_i", [[128, 128], [254, 128], [254, 200], [306, 200], [306, 220]], null, { added: true }],
      ["peep_o", [[512, HIGHWAY], [512, 200], [548, 200], [548, 220]], null, { added: true }],
    ],
  },
  coupled: {
    without: ["i"],
    edges: [["i", [[190, 190], [318, 190], [318, 146], [414, 146]], [352, 146], { gate: true, added: true, through: "1 −" }]],
  },
  nofg: {
    without: ["f", "c_before", "kept"],
    edges: [["c_before", [[16, HIGHWAY], [414, HIGHWAY]], [215, 44], { role: "memory" }]],
  },
  gru: { base: "gru" },
  rnn: { base: "rnn" },
};

/** Draw a variant once; `show(values)` then sets every number, width and colour. */
export function cellDiagram(target, caption) {
  const picture = svg("svg", {
    viewBox: `0 0 ${WIDTH} ${HEIGHT}`, role: "img", "aria-label": caption, class: "cell",
  });
  target.replaceChildren(picture);
  let parts = {};

  function build(variant) {
    const change = VARIANTS[variant];
    const base = LAYOUTS[change.base ?? "lstm"];
    const without = new Set(change.without ?? []);
    parts = { edges: {}, tags: {}, gates: {}, knots: [] };
    picture.replaceChildren(marker());
    const lines = svg("g", {});
    const boxes = svg("g", {});
    const tags = svg("g", {});
    picture.append(lines, boxes, tags);
    lines.append(svg("path", { class: "bus", d: `M16 ${BUS} H${Math.max(...base.gates.map((each) => each[1]))}` }));
    const edges = [...base.edges.filter((each) => !without.has(each[0])), ...(change.edges ?? [])];
    for (const [name, points, at, options] of edges) {
      addEdge(name, points, at, options, lines, tags);
    }
    for (const [gate, x, squash] of base.gates) {
      if (!without.has(gate)) addGate(gate, x, squash, lines, boxes);
    }
    for (const [x, top] of base.feeds ?? []) lines.append(feed(x, top));
    for (const [sign, x, y, gate] of base.knots) {
      if (!gate || !without.has(gate) || variant === "coupled") addKnot(sign, x, y, gate, boxes);
    }
    for (const [text, x, y] of base.ends) boxes.append(label(text, { x, y, class: x < 99 ? "end" : "end right" }));
    parts.inputs = svg("text", { x: 16, y: BUS + 24, class: "end inputs" });
    boxes.append(parts.inputs);
  }

  function addEdge(name, points, at, options, lines, tags) {
    const path = svg("path", {
      d: `M${points.map((point) => point.join(" ")).join(" L")}`,
      class: ["edge", options.role, options.gate && "gate", options.added && "added"].filter(Boolean).join(" "),
      "data-part": name,
    });
    lines.append(path);
    parts.edges[name] = path;
    if (options.through) {
      const [[fromX, fromY], [toX, toY]] = points;
      const [x, y] = [(fromX + toX) / 2, (fromY + toY) / 2 - (fromX === toX ? 12 : 0)];
      tags.append(svg("rect", { x: x - 22, y: y - 12, width: 44, height: 24, rx: 12, class: "squash" }));
      tags.append(svg("text", { x, y: y + 4.5, class: "squash-name" }, options.through));
    }
    if (!at) return;
    const tag = svg("g", { class: "tag", "data-part": name, transform: `translate(${at[0]} ${at[1]})` });
    tag.append(svg("rect", { x: -25, y: -11, width: 50, height: 22, rx: 11 }), svg("text", { y: 4.5 }));
    tags.append(tag);
    parts.tags[name] = tag;
  }

  function addGate(gate, x, squash, lines, boxes) {
    lines.append(feed(x, GATE_Y + 24));
    const box = svg("g", { class: "box", "data-part": gate, transform: `translate(${x} ${GATE_Y})` });
    box.append(svg("rect", { x: -42, y: -24, width: 84, height: 48, rx: 8, class: `stroke-${gate}` }));
    box.append(svg("text", { y: -5, class: `ink-${gate} name` }, `${gate}`));
    box.append(svg("text", { y: 14, class: "sum" }));
    boxes.append(box);
    parts.gates[gate] = { box, squash };
  }

  function addKnot(sign, x, y, gate, boxes) {
    const knot = svg("g", { class: "knot", transform: `translate(${x} ${y})` });
    knot.append(svg("circle", { r: 17, class: "plate" }));
    const ring = gate ? svg("circle", { r: 17, class: `ring stroke-${gate.replace("1−", "")}`, transform: "rotate(-90)" }) : null;
    if (ring) knot.append(ring);
    knot.append(svg("text", { y: 7, class: "sign" }, sign));
    boxes.append(knot);
    parts.knots.push({ ring, gate });
  }

  /** values: numbers by edge name; sums: what enters each gate; inputs: the text under the bus. */
  function show({ values, sums, inputs }) {
    for (const [name, path] of Object.entries(parts.edges)) {
      const value = values[name] ?? 0;
      const isGate = path.classList.contains("gate");
      tint(path, value, isGate ? name.replace("1−", "") : null);
      const most = path.classList.contains("added") ? 2.6 : 7;
      path.style.strokeWidth = `${1.4 + most * Math.min(1, Math.abs(value))}px`;
    }
    for (const [name, tag] of Object.entries(parts.tags)) {
      tag.lastChild.textContent = number(values[name]);
    }
    for (const [gate, { box, squash }] of Object.entries(parts.gates)) {
      box.lastChild.textContent = `${squash}(${number(sums[gate])})`;
    }
    for (const { ring, gate } of parts.knots) {
      if (!ring) continue;
      const around = 2 * Math.PI * 17;
      const open = Math.min(1, Math.max(0, values[gate] ?? 1));
      set(ring, { "stroke-dasharray": `${open * around} ${around}` });
    }
    parts.inputs.replaceChildren(...inputs);
  }

  return { build, show, picture };
}

const feed = (x, top) =>
  svg("path", { class: "feed", d: `M${x} ${BUS} V${top}`, "marker-end": "url(#arrow)" });

function marker() {
  const head = svg("path", { d: "M0 0 L8 4 L0 8 z", class: "arrow" });
  return svg("defs", {}, svg("marker", {
    id: "arrow", viewBox: "0 0 8 8", refX: 7, refY: 4, markerWidth: 7, markerHeight: 7, orient: "auto",
  }, head));
}

/** Light up the parts of the drawing and of the equations that share a name. */
export function linkParts(figure) {
  const each = (name, lit) => {
    for (const part of figure.querySelectorAll("[data-part]")) {
      part.classList.toggle("lit", lit && part.dataset.part === name);
    }
    figure.classList.toggle("linking", lit);
  };
  for (const [type, lit] of [["pointerover", true], ["focusin", true], ["pointerout", false], ["focusout", false]]) {
    figure.addEventListener(type, (event) => {
      const part = event.target.closest?.("[data-part]");
      if (part) each(part.dataset.part, lit);
    });
  }
}
