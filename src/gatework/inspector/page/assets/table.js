// Every value of the chosen step as a table, for those who would rather read than look.

import { html, number } from "./dom.js";

/** The table, made when it is opened. Returns {element}. */
export function valuesTable({ store, current }) {
  const place = html("div", { class: "scroll tall" });
  const element = html("details", { class: "reading values" },
    html("summary", {}, "All units of this step as a table"), place);

  function draw() {
    const { view, order } = current();
    element.hidden = !view.T;
    if (!element.open || !view.T) return;
    const { step } = store.get();
    const parts = view.parts().filter((part) => view.sizeOf(part.name) === view.H);
    place.replaceChildren(html("table", { class: "readout" },
      html("thead", {}, html("tr", {}, html("th", { scope: "col" }, "unit"),
        ...parts.map(({ name, what }) => html("th", { scope: "col" }, `${name} ${what}`)))),
      html("tbody", {}, ...order.map((unit) => html("tr", { "data-unit": unit },
        html("th", { scope: "row" }, String(unit)),
        ...parts.map(({ name }) =>
          html("td", {}, number(view.array(name)[step * view.H + unit]))))))));
  }

  element.addEventListener("toggle", draw);
  store.listen(draw, "recording", "pass", "sequence", "step", "order");
  return { element };
}
