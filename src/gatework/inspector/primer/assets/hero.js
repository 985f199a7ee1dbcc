// The head of the page: the trained LSTM reads a tape without end, its four memories below.
import { step, zeroState } from "./cell.js";
import { ANSWERS, LETTERS, answerOf, encode, random } from "./model.js";
import { html, picture, svg, tint } from "./svg.js";
import { kind } from "./tape.js";

const PITCH = 40;
const ROW = 24;
const PACE = 700; // milliseconds a symbol

export function hero(model) {
  const columns = matchMedia("(max-width: 700px)").matches ? 12 : 26;
  const target = document.getElementById("hero");
  const root = picture(columns * PITCH, 60 + 4 * ROW, "The trained LSTM reading a tape: symbols, its four memories, its answers");
  const caption = html("p", { class: "remark" });
  const pause = html("button", { type: "button" }, "pause");
  target.append(root, html("div", { class: "row" }, pause, caption));

  const chance = random(4);
  const most = new Float64Array(model.cell.hidden_size).fill(1e-9);
  const seen = [];
  const count = { read: 0, asked: 0, right: 0 };
  let state = zeroState(model.cell, model.params);
  let held = ANSWERS.length - 1;

  function read() {
    const dice = chance();
    const letter = Math.floor(3 * chance());
    const symbol = dice > 0.84 ? "?" : dice < 0.12 ? LETTERS[letter].toUpperCase() : LETTERS[letter];
    if (kind(symbol) === "capital") held = letter;
    state = step(model.cell, model.params, encode(symbol), state);
    const answer = answerOf(model, state.h);
    const said = answer.indexOf(Math.max(...answer));
    state.c.forEach((value, u) => { most[u] = Math.max(most[u], Math.abs(value)); });
    count.read += 1;
    if (symbol === "?") {
      count.asked += 1;
      count.right += said === held ? 1 : 0;
    }
    seen.push({ symbol, memory: [...state.c], said, right: symbol === "?" ? said === held : said === 3 });
    if (seen.length > columns) seen.shift();
  }

  function draw() {
    root.replaceChildren(...seen.flatMap(({ symbol, memory, said, right }, k) => {
      const x = k * PITCH + PITCH / 2;
      const column = [svg("text", { x, y: 24, class: `symbol ${kind(symbol)}` }, symbol)];
      memory.forEach((value, u) => {
        const cell = svg("rect", { x: x - 17, y: 38 + u * ROW, width: 34, height: ROW - 4, rx: 4 });
        column.push(tint(cell, value, null, most[u]));
      });
      if (symbol === "?" || !right) {
        column.push(svg("text", { x, y: 54 + 4 * ROW, class: `said ${right ? "right" : "wrong"}` }, ANSWERS[said]));
      }
      return column;
    }));
    caption.textContent = `Read ${count.read} symbols; ${count.right} of ${count.asked} questions answered rightly. A capital is to be remembered, ? asks for the last one. Each row of squares is one of four memories.`;
  }

  for (let k = 0; k < columns; k++) read();
  draw();
  const still = matchMedia("(prefers-reduced-motion: reduce)").matches;
  let timer = null;
  const toggle = () => {
    if (timer === null) {
      timer = setInterval(() => { if (!document.hidden) { read(); draw(); } }, PACE);
    } else {
      clearInterval(timer);
      timer = null;
    }
    pause.textContent = timer === null ? "run" : "pause";
  };
  pause.addEventListener("click", toggle);
  if (still) pause.textContent = "run";
  else toggle();
}
