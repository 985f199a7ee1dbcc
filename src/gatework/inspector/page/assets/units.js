// Units: in which order they stand, and what is known about each.

/** The orders that a view offers: [key, words]. */
export function orders(view) {
  const words = {
    timescale: "timescale", mean_keep: "mean keep", saturated: "saturation",
  };
  return [...Object.entries(words).filter(([key]) => view.pass.units[key]), ["index", "index"]];
}

/** A figure of every unit, (H): timescale, half_life, mean_keep, ... */
export const figure = (view, name) => view.exact(view.pass.units[name]);

/** Units from top to bottom: by index, or the largest first; those without a figure last. */
export function sortedBy(view, key) {
  const units = Array.from({ length: view.H }, (_, unit) => unit);
  if (key === "index") return units;
  const figures = figure(view, key);
  const rank = (unit) => (Number.isNaN(figures[unit]) ? -Infinity : figures[unit]);
  return units.sort((a, b) => (rank(b) === rank(a) ? a - b : rank(b) > rank(a) ? 1 : -1));
}

/**
 * The unit to begin with: one whose memory after `step` is large and was written long ago, by the
 * mean age of its ledger's entries.
 */
export function telling(view, step) {
  if (!view.T || !view.H) return 0;
  const book = view.ledgerAt(step);
  const rows = book.written.length / view.H;
  const memory = view.memory();
  let best = 0;
  let record = -1;
  for (let u = 0; u < view.H; u++) {
    let total = Math.abs(book.initial[u]) + 1e-9;
    let ages = 0;
    let squares = 0;
    for (let k = 0; k < rows; k++) {
      const size = Math.abs(book.written[k * view.H + u]);
      total += size;
      ages += size * Math.log1p(rows - 1 - k);
      squares += size * size;
    }
    const held = Math.abs(memory[step * view.H + u]);
    // Few entries tell more than many small ones.
    const mark = Math.min(held, 2) * (ages / total) * (Math.sqrt(squares) / total) * (held / total);
    if (mark > record) [best, record] = [u, mark];
  }
  return best;
}
