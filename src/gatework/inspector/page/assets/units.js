// Units: in which order they stand, and what is known about each.

/** The orders that a view offers: [key, words]. */
export function orders(view) {
  const found = [["index", "index"]];
  const known = view.pass.units ?? {};
  if (known.timescale) found.push(["timescale", "timescale"]);
  if (known.mean_keep) found.push(["mean_keep", "mean keep"]);
  if (known.saturation) found.push(["saturation", "saturation"]);
  return found;
}

/** Units from top to bottom: by index, or the largest first; those without a figure last. */
export function sortedBy(view, key) {
  const units = Array.from({ length: view.H }, (_, unit) => unit);
  const figures = key === "index" ? null : view.pass.units?.[key];
  if (!figures) return units;
  const figure = (unit) => figures[unit] ?? -Infinity;
  return units.sort((a, b) => figure(b) - figure(a) || a - b);
}
