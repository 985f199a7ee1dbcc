// Drawing: SVG elements, numbers as text, colours of values, and the controls all figures share.

const SVG = "http://www.w3.org/2000/svg";

/** An SVG element with attributes and children; text is set as text, never as markup. */
export function svg(name, attributes = {}, ...children) {
  const element = document.createElementNS(SVG, name);
  set(element, attributes);
  element.append(...children);
  return element;
}

/** An HTML element, likewise. */
export function html(name, attributes = {}, ...children) {
  const element = document.createElement(name);
  set(element, attributes);
  element.append(...children);
  return element;
}

/** Set attributes; null and undefined leave one out. */
export function set(element, attributes) {
  for (const [key, value] of Object.entries(attributes)) {
    if (value === null || value === undefined) element.removeAttribute(key);
    else element.setAttribute(key, value);
  }
  return element;
}

/** A picture of a given size in its own units, with a name for those who cannot see it. */
export function picture(width, height, label) {
  return svg("svg", { viewBox: `0 0 ${width} ${height}`, role: "img", "aria-label": label });
}

/** A number with two decimals, or as many as asked for, and a true minus sign. */
export function number(value, decimals = 2) {
  if (Number.isNaN(value)) return "NaN";
  if (!Number.isFinite(value)) return value > 0 ? "∞" : "−∞";
  const size = Math.abs(value);
  if (size >= 1e5) return power(value);
  const text = size.toFixed(decimals);
  return value < 0 && Number(text) !== 0 ? `−${text}` : text;
}

/** 3.2e-11 as 3.2·10⁻¹¹. */
export function power(value) {
  const [mantissa, exponent] = Math.abs(value).toExponential(1).split("e");
  const raised = String(Number(exponent)).replace(/[-\d]/g, (c) => "⁻⁰¹²³⁴⁵⁶⁷⁸⁹"["-0123456789".indexOf(c)]);
  return `${value < 0 ? "−" : ""}${mantissa}·10${raised}`;
}

/** Colour `element` by a value: a gate in its own hue from 0 to 1, the rest about zero. */
export function tint(element, value, hue = null, scale = 1) {
  const strength = Math.min(1, Math.abs(value) / scale);
  const ink = hue ?? (value < 0 ? "negative" : "positive");
  element.style.setProperty("--tint", `var(--${ink})`);
  element.style.setProperty("--strength", `${(100 * strength).toFixed(1)}%`);
  element.classList.add("tint");
  return element;
}

/**
 * A labelled slider that shows its value. Returns {element, input, value()}; `change` is called
 * with the number at each move.
 */
export function slider({ label, min, max, step, value, change, show = number, hue = null }) {
  const output = html("output", {});
  const input = html("input", { type: "range", min, max, step, value, "aria-label": plain(label) });
  const name = html("span", { class: hue ? `name ink-${hue}` : "name" });
  name.append(...rich(label));
  const refresh = () => {
    output.textContent = show(Number(input.value));
    set(input, { "aria-valuetext": output.textContent });
  };
  input.addEventListener("input", () => {
    refresh();
    change(Number(input.value));
  });
  refresh();
  const element = html("label", { class: "slider" }, name, input, output);
  return {
    element,
    input,
    value: () => Number(input.value),
    put(next) {
      input.value = String(next);
      refresh();
    },
  };
}

/** A row of buttons of which one is pressed: radio buttons, so the arrow keys move. */
export function choice({ label, options, value, change }) {
  const group = html("fieldset", { class: "choice" }, html("legend", {}, label));
  choice.count = (choice.count ?? 0) + 1;
  for (const [key, text] of options) {
    const input = html("input", { type: "radio", name: `choice${choice.count}`, value: key });
    input.checked = key === value;
    input.addEventListener("change", () => change(key));
    const caption = html("span", {});
    caption.append(...rich(text));
    group.append(html("label", {}, input, caption));
  }
  return group;
}

/** Text with subscripts: "c_{t-1}" becomes c with a small t-1. */
export function rich(text) {
  return text.split(/(_\{[^}]*\})/).map((part) =>
    part.startsWith("_{") ? html("sub", {}, part.slice(2, -1)) : part,
  );
}

/** The same text without marks. */
export function plain(text) {
  return text.replace(/_\{([^}]*)\}/g, " $1");
}

/** A subscript inside SVG text. */
export function sub(text) {
  return svg("tspan", { class: "sub" }, text);
}

/** SVG text with subscripts. */
export function label(text, attributes = {}) {
  const element = svg("text", attributes);
  for (const part of text.split(/(_\{[^}]*\})/)) {
    if (!part) continue;
    if (part.startsWith("_{")) {
      element.append(svg("tspan", { class: "sub", dy: "0.28em" }, part.slice(2, -1)));
      element.append(svg("tspan", { dy: "-0.28em" }, "\u200b"));
    } else element.append(svg("tspan", {}, part));
  }
  return element;
}

/** Arrow keys, Home and End move a cursor: call `move` with the key's step, or "first", "last". */
export function onArrows(element, moves) {
  element.addEventListener("keydown", (event) => {
    const act = moves[event.key];
    if (!act || event.ctrlKey || event.metaKey || event.altKey) return;
    event.preventDefault();
    act();
  });
}

/** Where the parts of a figure go. */
export function slot(figure, name) {
  const found = document.querySelector(`#${figure} [data-slot="${name}"]`);
  if (!found) throw new Error(`the page has no slot ${name} in ${figure}`);
  return found;
}
