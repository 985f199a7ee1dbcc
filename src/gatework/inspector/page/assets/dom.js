// Small helpers: elements, numbers as text. Words of the user's data enter through textContent only.

const SVG = "http://www.w3.org/2000/svg";

function fill(element, attributes, children) {
  for (const [name, value] of Object.entries(attributes)) {
    if (value === null || value === undefined || value === false) continue;
    if (name.startsWith("on")) element.addEventListener(name.slice(2), value);
    else element.setAttribute(name, value === true ? "" : value);
  }
  element.append(...children.flat().filter((each) => each !== null && each !== undefined));
  return element;
}

/** An HTML element: html("p", {class: "remark"}, "text", child, ...). */
export function html(tag, attributes = {}, ...children) {
  return fill(document.createElement(tag), attributes, children);
}

/** An SVG element. */
export function svg(tag, attributes = {}, ...children) {
  return fill(document.createElementNS(SVG, tag), attributes, children);
}

/** A number in few digits: four decimals, or five significant digits where it is large or tiny. */
export function number(value, decimals = 4) {
  if (Number.isNaN(value)) return "NaN";
  if (!Number.isFinite(value)) return value > 0 ? "∞" : "−∞";
  const size = Math.abs(value);
  const text = size >= 1e4 || (size > 0 && size < 0.5 * 10 ** -decimals)
    ? value.toExponential(2)
    : value.toFixed(decimals);
  return text.replace("-", "−");
}

/** A number as in a sentence: three significant digits. */
export function short(value) {
  if (!Number.isFinite(value)) return number(value);
  const size = Math.abs(value);
  if (size >= 1e4 || (size > 0 && size < 1e-3)) return value.toExponential(1).replace("-", "−");
  return String(Number(value.toPrecision(3))).replace("-", "−");
}

const UNSEEN = /[\p{Cc}\p{Cf}\p{Zl}\p{Zp}\p{Co}\p{Cs}]/gu;

/** Words as they are read: blanks stay blanks, what cannot be seen gets a sign. */
export function readable(words) {
  return words.replace(/\n/g, "⏎").replace(/\t/g, "⇥").replace(UNSEEN, (sign) =>
    `\\u${sign.codePointAt(0).toString(16).padStart(4, "0")}`);
}

/** A word that stands alone: blanks at its ends get a sign too. */
export function visible(word) {
  if (word === "") return "∅";
  return readable(word.replace(/^ +| +$/g, (blanks) => "␣".repeat(blanks.length)));
}

/** Do the work once a frame, however often it is asked for. */
export function oncePerFrame(work) {
  let waiting = false;
  return () => {
    if (waiting) return;
    waiting = true;
    requestAnimationFrame(() => {
      waiting = false;
      work();
    });
  };
}

/** A paragraph that one may open: how to read what stands above. */
export function reading(...texts) {
  return html("details", { class: "reading" }, html("summary", {}, "How to read this"),
    ...texts.map((text) => html("p", {}, text)));
}
