// How long units remember, and how their gates stand: a survival chart, a scatter, a unit's card.

import { chart, points } from "./charts.js";
import { html, reading, short, svg } from "./dom.js";
import { figure, orders } from "./units.js";

/** What is left of a unit's memory, lag by lag; all units thin, the chosen one strong. */
export function survivalPanel({ store, current, manifest }) {
  const place = html("div");
  const element = html("section", { class: "panel" }, html("h3", {}, "How long units remember"),
    place, reading(manifest.readings.retention));

  function draw() {
    const { view } = current();
    const { lags, mean } = view.pass.units.survival;
    element.hidden = lags.length < 3;
    if (element.hidden) return;
    const left = view.exact(mean);
    const { unit } = store.get();
    const made = chart({
      label: "Part of the memory that is left against the number of steps",
      x: { low: 1, high: lags[lags.length - 1], log: true, label: "steps later" },
      y: { low: 0, high: 1, label: "part that is left" },
    });
    const line = (u, name) => svg("polyline", { class: name, points: points(lags.slice(1),
      lags.slice(1).map((_, k) => Math.min(1, left[(k + 1) * view.H + u])), made.x, made.y) });
    const every = Math.max(1, Math.ceil(view.H / 160));
    for (let u = 0; u < view.H; u += every) made.layer.append(line(u, "thin"));
    made.layer.append(line(unit, "strong"));
    place.replaceChildren(made.element);
  }

  store.listen(draw, "recording", "pass", "unit");
  draw();
  return { element };
}

/** How often each gate is shut and open; a dot a unit. */
export function scatterPanel({ store, current, manifest }) {
  const place = html("div", { class: "multiples" });
  const element = html("section", { class: "panel wide" },
    html("h3", {}, "Gates: shut, open, or between"), place, reading(manifest.readings.saturation));
  let dots = [];

  function rebuild() {
    const { view } = current();
    dots = [];
    const gates = Object.entries(view.pass.units.saturation);
    element.hidden = !gates.length;
    place.replaceChildren(...gates.map(([name, found]) => {
      const shut = view.exact(found.shut);
      const opened = view.exact(found.open);
      const made = chart({ width: 220, height: 200, label: `${name}: how often shut and open`,
        x: { low: 0, high: 1, label: `${name} shut` }, y: { low: 0, high: 1, label: `${name} open` } });
      made.layer.append(svg("line", { class: "grid", x1: made.x(0), y1: made.y(1), x2: made.x(1),
        y2: made.y(0) }));
      for (let u = 0; u < view.H; u++) {
        if (Number.isNaN(shut[u])) continue;
        const dot = svg("circle", { class: "dot", r: 3, cx: made.x(shut[u]), cy: made.y(opened[u]),
          "data-unit": u }, svg("title", {},
          `unit ${u}: shut ${short(100 * shut[u])} %, open ${short(100 * opened[u])} %`));
        dots.push([u, dot]);
        made.layer.append(dot);
      }
      return made.element;
    }));
    mark();
  }

  function mark() {
    const { unit } = store.get();
    for (const [u, dot] of dots) {
      dot.classList.toggle("chosen", u === unit);
      if (u === unit) dot.parentNode.append(dot);
    }
  }

  place.addEventListener("click", (event) => {
    const unit = event.target.dataset?.unit;
    if (unit !== undefined) store.set({ unit: Number(unit) });
  });
  store.listen(rebuild, "recording", "pass");
  store.listen(mark, "unit");
  rebuild();
  return { element };
}

/** The chosen unit's figures. */
export function cardPanel({ store, current }) {
  const heading = html("h3");
  const list = html("dl", { class: "figures" });
  const more = html("div");
  const element = html("section", { class: "card", "aria-live": "polite" }, heading, list, more);

  function draw() {
    const { view } = current();
    element.hidden = !view.H;
    if (!view.H) return;
    const { unit, order } = store.get();
    const label = orders(view).find(([key]) => key === order)[1];
    const row = current().order.indexOf(unit) + 1;
    heading.textContent = `Unit ${unit}`;
    const steps = (value) => (Number.isFinite(value) ? `${short(value)} steps` : short(value));
    const facts = [
      ["timescale", steps(figure(view, "timescale")[unit])],
      ["half-life", steps(figure(view, "half_life")[unit])],
      ["from the bias", steps(figure(view, "bias_timescale")[unit])],
      ["mean keep", short(figure(view, "mean_keep")[unit])],
      [`by ${label}`, `${row} of ${view.H}`],
    ];
    for (const [name, found] of Object.entries(view.pass.units.saturation)) {
      const [shut, opened] = [found.shut, found.open].map((entry) => view.exact(entry)[unit]);
      facts.push([`${name} shut / open`, `${short(100 * shut)} / ${short(100 * opened)} %`]);
    }
    more.replaceChildren(...view.pass.units.findings.filter((each) => each.unit === unit)
      .map((each) => html("p", { class: "complaint" }, html("b", {}, `${each.kind}: `),
        `${each.evidence} ${each.meaning}.`)));
    list.replaceChildren(...facts.map(([name, value]) =>
      html("div", {}, html("dt", {}, name), html("dd", {}, value))));
  }

  store.listen(draw, "recording", "pass", "unit", "order");
  draw();
  return { element };
}
