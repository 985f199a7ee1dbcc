// The cell, drawn with the values of one step and unit: what was kept, written and shown.

import { colourOf, css, inkOn } from "./colours.js";
import { html, number, short, svg, visible } from "./dom.js";

const ROAD = 66; // the height at which the memory travels
const BOXES = 236; // and that of the gates
const INPUT = 290;

/** The panel. Returns {element}. */
export function makeDiagram({ store, current, colours }) {
  const heading = html("h3", { "aria-live": "polite" });
  const picture = svg("svg", { class: "cell", viewBox: "0 0 380 318", role: "img" });
  const table = html("table", { class: "readout" });
  const sentence = html("p", { class: "remark" });
  const element = html("section", { class: "diagram" }, heading, picture, sentence, table);

  function draw() {
    const { view } = current();
    element.hidden = !view.T;
    if (!view.T) return;
    const { step, unit } = store.get();
    const word = view.hasWords ? visible(view.words[step]) : "";
    heading.replaceChildren(`Step ${step}`, word ? html("code", {}, word) : ", ", `unit ${unit}`);
    const found = facts(view, step, unit);
    picture.replaceChildren(...sketch(view, found, colours()));
    sentence.textContent = describe(view, found);
    picture.setAttribute("aria-label", sentence.textContent);
    table.replaceChildren(html("tbody", {}, ...view.parts()
      .filter((part) => view.sizeOf(part.name) === view.H)
      .map(({ name, what }) => html("tr", {}, html("th", { scope: "row" }, name),
        html("td", { class: "what" }, what),
        html("td", { "data-name": name }, number(view.array(name)[step * view.H + unit]))))));
  }

  store.listen(draw, "recording", "pass", "sequence", "step", "unit", "theme");
  draw();
  return { element };
}

function facts(view, step, unit) {
  const at = step * view.H + unit;
  const [keep, write, read] = ["keep", "write", "read"].map((role) => view.role(role)[at]);
  const before = view.before(step, unit);
  const candidate = view.candidate()[at];
  const hasOwnH = view.pass.values.h && view.sizeOf("h") === view.H;
  const extra = view.parts().filter(({ name, what }) => what === "gate" && view.sizeOf(name) === view.H
    && view.pass.gates.includes(name)).map(({ name }) => [name, view.array(name)[at]]);
  return {
    keep, write, read, before, candidate, extra,
    after: view.memory()[at],
    kept: keep * before,
    written: write * candidate,
    shown: hasOwnH ? view.array("h")[at] : null,
  };
}

function describe({ pass }, { keep, before, write, candidate, after }) {
  return `${pass.memory} was ${short(before)}. ${share(keep)} of it stayed, ${share(write)} of the `
    + `candidate ${short(candidate)} was added: ${pass.memory} is ${short(after)}.`;
}

const share = (value) => `${short(100 * value)} %`;

function sketch(view, found, shades) {
  const { pass } = view;
  const { keep, write, read, before, candidate, after, kept, written, shown, extra } = found;
  const sizes = [before, kept, written, after].map(Math.abs).filter(Number.isFinite);
  const largest = Math.max(...sizes, 1e-9);
  const edge = (d, value) => {
    const amount = Math.min(1, Math.abs(value) / largest);
    return svg("path", { d, class: `edge ${value < 0 ? "minus" : "plus"}`,
      "stroke-width": 0.8 + 13 * (Number.isFinite(amount) ? amount : 0) });
  };
  const wire = (d) => svg("path", { d, class: "wire" });
  const node = (x, y, sign) => [
    svg("circle", { cx: x, cy: y, r: 11, class: "node" }),
    svg("text", { x, y: y + 5, "text-anchor": "middle", class: "sign" }, sign),
  ];
  const text = (x, y, words, value, anchor = "middle") => [
    svg("text", { x, y, "text-anchor": anchor, class: "name" }, words),
    svg("text", { x, y: y + 15, "text-anchor": anchor, class: "value" }, short(value)),
  ];
  const box = (x, title, value, scale) => {
    const rgb = colourOf(shades, value, scale);
    const ink = inkOn(rgb);
    return [
      svg("rect", { x: x - 26, y: BOXES - 19, width: 52, height: 38, rx: 5, class: "box",
        fill: css(rgb) }),
      svg("text", { x, y: BOXES - 4, "text-anchor": "middle", class: "name", fill: ink }, title),
      svg("text", { x, y: BOXES + 12, "text-anchor": "middle", class: "value", fill: ink },
        short(value)),
    ];
  };
  const gate = { kind: "sequential", limit: 1 };
  const role = (name) => {
    const how = pass.roles[name];
    if (how.number !== undefined) return null;
    return how.rest ? `1 − ${how.gate}` : (how.gate ?? name);
  };
  const [keeper, writer, reader] = ["keep", "write", "read"].map(role);
  const fromInput = [keeper && 70, writer && 150, 218, reader && 286].filter(Boolean);
  return [
    wire(`M8,${INPUT} H${Math.max(...fromInput)}`),
    ...fromInput.map((x) => wire(`M${x},${INPUT} V${BOXES + 19}`)),
    svg("text", { x: 8, y: INPUT - 8, class: "name" }, "x and h before"),
    edge(`M4,${ROAD} H70`, before), edge(`M70,${ROAD} H218`, kept), edge(`M218,${ROAD} H376`, after),
    edge(`M218,${BOXES - 19} V158`, candidate), edge(`M218,158 V${ROAD}`, written),
    keeper ? wire(`M70,${BOXES - 19} V${ROAD}`) : null,
    writer ? wire(`M150,${BOXES - 19} V158 H207`) : null,
    reader ? wire(`M286,${BOXES - 19} V170 H325`) : null,
    ...(shown === null ? [] : [edge(`M336,${ROAD} V170`, after), edge("M336,170 V262", shown)]),
    ...node(70, ROAD, "×"), ...node(218, ROAD, "+"), ...(writer ? node(218, 158, "×") : []),
    ...(reader && shown !== null ? [...squash(336, 112), ...node(336, 170, "×")] : []),
    ...(keeper ? box(70, keeper, keep, gate) : text(70, BOXES - 8, "keep", keep)),
    ...(writer ? box(150, writer, write, gate) : []),
    ...box(218, pass.candidate, candidate, view.scale(pass.same[pass.candidate] ?? pass.candidate)),
    ...(reader ? box(286, reader, read, gate) : []),
    ...extra.flatMap(([name, value], k) => [wire(`M${262 + 62 * k},${BOXES} H244`),
      ...box(286 + 62 * k, name, value, gate)]),
    ...text(4, 22, `${pass.memory} before`, before, "start"), ...text(144, 22, "kept", kept),
    ...text(376, 22, `${pass.memory} now`, after, "end"), ...text(232, 106, "written", written, "start"),
    ...(shown === null ? [] : text(336, 281, "h", shown)),
  ].flat().filter(Boolean);
}

const squash = (x, y) => [
  svg("rect", { x: x - 19, y: y - 10, width: 38, height: 20, rx: 10, class: "node" }),
  svg("text", { x, y: y + 4, "text-anchor": "middle", class: "name" }, "tanh"),
];
