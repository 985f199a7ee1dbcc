// The cell, drawn with the values of one step and unit: the memory's way, what is kept, written, shown.

import { html, number, short, svg, visible } from "./dom.js";

/** The panel. Returns {element}. */
export function makeDiagram({ store, current }) {
  const heading = html("h3", { "aria-live": "polite" });
  const picture = svg("svg", { class: "cell", viewBox: "0 0 360 300", role: "img" });
  const table = html("table", { class: "readout" });
  const element = html("section", { class: "diagram" }, heading, picture, table);

  function draw() {
    const { view } = current();
    element.hidden = !view.T;
    if (!view.T) return;
    const { step, unit } = store.get();
    const word = view.hasWords ? ` ${visible(view.words[step])}` : "";
    heading.replaceChildren(`Step ${step}`, html("code", {}, word), ` unit ${unit}`);
    const found = facts(view, step, unit);
    picture.replaceChildren(...sketch(view, found));
    picture.setAttribute("aria-label", describe(view, found));
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
  const after = view.memory()[at];
  return { keep, write, read, before, candidate, after, kept: keep * before,
    written: write * candidate };
}

function describe(view, { keep, before, write, candidate, after }) {
  return `The memory was ${short(before)}; ${short(keep)} of it was kept, ${short(write)} of the `
    + `candidate ${short(candidate)} was written; it is now ${short(after)}.`;
}

/** Width of an edge that carries `value`, where `largest` fills it. */
const wide = (value, largest) => 1 + 11 * Math.min(1, Math.abs(value) / (largest || 1)) || 1;

function sketch(view, found) {
  const { pass } = view;
  const { keep, write, read, before, candidate, after, kept, written } = found;
  const name = (role, rest) => {
    const how = pass.roles[role];
    return how.gate ? (how.rest ? `1 − ${how.gate}` : how.gate) : rest;
  };
  const largest = Math.max(...[before, kept, written, after].map(Math.abs).filter(Number.isFinite), 1e-9);
  const edge = (d, value, extra = "") => svg("path", {
    d, class: `edge ${value < 0 ? "minus" : "plus"} ${extra}`, "stroke-width": wide(value, largest),
  });
  const node = (x, y, sign, share) => [
    svg("circle", { cx: x, cy: y, r: 15, class: "node" }),
    share === undefined ? null : svg("circle", { cx: x, cy: y, r: 15 * Math.sqrt(Math.max(0, Math.min(1, share)) || 0), class: "open" }),
    svg("text", { x, y: y + 5, "text-anchor": "middle", class: "sign" }, sign),
  ];
  const text = (x, y, words, value, anchor = "middle") => [
    svg("text", { x, y, "text-anchor": anchor, class: "name" }, words),
    svg("text", { x, y: y + 14, "text-anchor": anchor, class: "value" }, short(value)),
  ];
  const memory = pass.memory;
  return [
    edge("M6,70 H95", before), edge("M125,70 H205", kept), edge("M235,70 H354", after),
    edge("M220,170 V85", written),
    svg("path", { d: "M110,150 V85", class: "gate" }), svg("path", { d: "M150,185 H205", class: "gate" }),
    edge("M220,262 V200", candidate),
    edge("M300,70 V170", after, "thin"), svg("path", { d: "M345,185 H315", class: "gate" }),
    edge("M300,200 V262", read * after),
    ...node(110, 70, "×", keep), ...node(220, 70, "+"), ...node(220, 185, "×", write),
    ...node(300, 185, "×", read),
    ...text(8, 40, `${memory} before`, before, "start"), ...text(352, 40, `${memory} now`, after, "end"),
    ...text(165, 40, "kept", kept),
    ...text(110, 166, name("keep", "keep"), keep), ...text(122, 182, name("write", "write"), write, "end"),
    ...text(220, 278, pass.candidate, candidate), ...text(300, 278, "shown", read * after),
    ...text(244, 125, "written", written, "start"),
  ].flat().filter(Boolean);
}
