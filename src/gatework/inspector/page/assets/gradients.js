// Gradient flow against lag, and attributions: what came of running the model again.

import { chart, points } from "./charts.js";
import { html, number, reading, short, svg } from "./dom.js";

const DEEPEST = 1e-14; // of the largest gradient: where the axis ends

/** The norm of the gradient k steps back, on a scale of powers of ten. */
export function flowPanel({ manifest, current }) {
  const { flow } = manifest;
  const element = html("section", { class: "panel full", hidden: !flow.length },
    html("h3", {}, "How far back the gradient reaches"),
    html("p", { class: "remark" }, `The gradient of ${manifest.score}, by the number of steps back.`));
  if (!flow.length) return { element };
  const { view } = current();
  const lines = flow.flatMap((each) => each.lines.map((line) => view.exact(line.values)));
  const largest = Math.max(...lines.flatMap((values) => [...values].filter(Number.isFinite)));
  const smallest = Math.min(...lines.flatMap((values) => [...values].filter((v) => v > 0)));
  const longest = Math.max(...lines.map((values) => values.length)) - 1;
  const place = html("div", { class: "multiples" });
  for (const each of flow) {
    const made = chart({
      width: 300, height: 240, label: `${each.title}: norm of the gradient against lag`,
      x: { low: 0, high: Math.max(longest, 1), label: "steps back" },
      y: { low: Math.max(smallest, DEEPEST * largest) || 1e-14, high: largest || 1, log: true,
        label: "norm of the gradient" },
    });
    const names = each.lines.map((line, k) => {
      const values = view.exact(line.values);
      const lags = Array.from(values, (_, lag) => lag);
      const first = values.findIndex((value) => value > 0);
      if (first >= 0 && !(values[first + 1] > 0)) {
        made.layer.append(svg("circle", { class: `point series-${k}`, r: 3, cx: made.x(first),
          cy: made.y(values[first]) }));
      }
      made.layer.append(svg("polyline", { class: `line series-${k}`, "data-kind": line.kind,
        points: points(lags, values, made.x, (value) => (value > 0 ? made.y(value) : NaN)) }));
      const last = values.findLast((value) => Number.isFinite(value));
      return html("span", { class: "key" }, html("em", { class: `series-${k}` }, line.label),
        html("small", {}, ` ${number(last, 1)} at the far end`));
    });
    place.append(html("figure", {}, html("figcaption", {}, each.title), made.element,
      html("p", { class: "keys" }, ...names)));
  }
  element.append(place, reading(manifest.readings.flow, manifest.readings.family));
  return { element };
}

/** Lanes of the stack: the credit of each step, a lane for each method. */
export function creditLanes({ current }, lane) {
  const { view } = current();
  return view.recording.attributions.map((each, k) => {
    const made = lane(each.method, "", 46);
    return {
      element: made.element,
      draw({ width, from, to }, x) {
        const now = current().view;
        const found = now.recording.attributions[k];
        const values = now.exact(found.steps).subarray(now.sequence.start, now.sequence.start + now.T);
        made.size(width);
        const largest = values.reduce((most, v) => Math.max(most, Math.abs(v) || 0), 0) || 1;
        made.name.textContent = `± ${short(largest)}`;
        const middle = made.height / 2;
        const column = width / (to - from);
        const bars = [svg("line", { class: "base", x1: 0, x2: width, y1: middle, y2: middle })];
        for (let t = from; t < to; t++) {
          const tall = (Math.abs(values[t]) / largest) * (middle - 1);
          if (!(tall > 0)) continue;
          bars.push(svg("rect", { class: values[t] < 0 ? "minus" : "plus", x: x(t) + 0.1 * column,
            width: Math.max(0.8, 0.8 * column), y: values[t] < 0 ? middle : middle - tall, height: tall }));
        }
        made.picture.replaceChildren(...bars);
      },
    };
  });
}

/** The methods beside each other: credits of the initial state, what does not add up, agreement. */
export function attributionPanel({ store, current, manifest }) {
  const table = html("table", { class: "readout" });
  const remark = html("p", { class: "remark" });
  const element = html("section", { class: "panel full" },
    html("h3", {}, `What ${manifest.score} is owed to`), html("div", { class: "scroll" }, table),
    remark, reading(manifest.readings.attribution, manifest.readings.agreement));

  function draw() {
    const { view } = current();
    const found = view.recording.attributions;
    element.hidden = !found.length || !view.T;
    if (element.hidden) return;
    const at = view.at.sequence;
    const told = (value) => (Number.isNaN(value) ? "–" : short(value));
    const cell = (entry) => told(view.exact(entry)[at]);
    const agreementOf = ({ agreement }, j) =>
      told(view.exact(agreement)[j * agreement.shape[1] + at]);
    const states = Object.keys(found[0].state);
    const heads = ["method", "baseline", "score", "of baseline", ...states, "does not add up",
      ...found.map((_, k) => `agrees with ${k + 1}`), "alarm"];
    table.replaceChildren(
      html("thead", {}, html("tr", {}, ...heads.map((head) => html("th", { scope: "col" }, head)))),
      html("tbody", {}, ...found.map((each, k) => html("tr", {},
        html("th", { scope: "row" }, `${k + 1} ${each.method}`),
        html("td", {}, each.baseline), html("td", {}, cell(each.score)),
        html("td", {}, cell(each.baseline_score)),
        ...states.map((name) => html("td", {}, each.state[name] ? cell(each.state[name]) : "")),
        html("td", {}, cell(each.error)),
        ...found.map((_, j) => html("td", {}, j === k ? "" : agreementOf(each, j))),
        html("td", {}, each.alarm ? "ranks by position" : "")))));
    remark.textContent = `This sequence, one of ${view.recording.total}. Agreement is the rank `
      + "correlation of the sizes of the steps' credits.";
  }

  store.listen(draw, "recording", "sequence");
  draw();
  return { element };
}
