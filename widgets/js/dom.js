// Making elements. Text goes in as text nodes only: an image id or a patient's name is never parsed as markup.

const SVG = "http://www.w3.org/2000/svg";

/** An element with attributes, listeners (keys starting with "on") and children (elements or strings). */
export function h(tag, attributes = {}, ...children) {
  const element = document.createElement(tag);
  for (const [key, value] of Object.entries(attributes)) {
    if (value === undefined || value === null || value === false) continue;
    if (key.startsWith("on")) element.addEventListener(key.slice(2), value);
    else element.setAttribute(key, value === true ? "" : String(value));
  }
  element.append(...children.filter((child) => child !== null && child !== undefined));
  return element;
}

const ICONS = {
  plus: ["M8 3v10M3 8h10"],
  minus: ["M3 8h10"],
  fit: ["M2.5 6V2.5H6M10 2.5h3.5V6M13.5 10v3.5H10M6 13.5H2.5V10"],
  mark: ["M8 14s4.5-4.3 4.5-7.6A4.5 4.5 0 0 0 3.5 6.4C3.5 9.7 8 14 8 14z", "M8 6.4h.01"],
  code: ["M5.5 4.5 2 8l3.5 3.5M10.5 4.5 14 8l-3.5 3.5"],
  help: ["M6 6.200a2 2 0 1 1 2.800 1.900c-.6.25-.8.6-.8 1.200", "M8 11.800h.01"],
  layers: ["M8 2.5 14 6 8 9.5 2 6z", "M2.5 9 8 12.5 13.5 9"],
  outline: ["M8 2.5c3.5 0 5.5 2.5 5.5 5.200 0 3.300-2.6 5.800-5.700 5.800S2.5 11.200 2.5 8 4.800 2.5 8 2.5z"],
  undo: ["M3 3.5v4h4", "M3.5 7.5a5 5 0 1 1 1 4"],
};

/** A small line drawing in the colour of the text around it; it carries no name, its button does. */
export function icon(name) {
  const svg = document.createElementNS(SVG, "svg");
  svg.setAttribute("viewBox", "0 0 16 16");
  svg.setAttribute("aria-hidden", "true");
  svg.setAttribute("class", "rtv-icon");
  for (const d of ICONS[name]) {
    const path = document.createElementNS(SVG, "path");
    path.setAttribute("d", d);
    svg.append(path);
  }
  return svg;
}

/** A button with an icon, a name for everyone, and the key that does the same in its tooltip. */
export function iconButton(name, label, key, onclick, extra = {}) {
  const title = key ? `${label} (${key})` : label;
  return h("button", { type: "button", class: "rtv-button", "aria-label": label, title, onclick, ...extra }, icon(name));
}

/** The sample of a layer: its colour as fill, or as a line with its own dashes. */
export function swatch(layer, outlined) {
  const svg = document.createElementNS(SVG, "svg");
  svg.setAttribute("viewBox", "0 0 22 14");
  svg.setAttribute("aria-hidden", "true");
  svg.setAttribute("class", "rtv-swatch");
  const rect = document.createElementNS(SVG, "rect");
  const shape = { x: 1.5, y: 1.5, width: 19, height: 11, rx: 2.5 };
  for (const [key, value] of Object.entries(shape)) rect.setAttribute(key, String(value));
  rect.setAttribute("fill", outlined ? "none" : layer.colour);
  rect.setAttribute("stroke", layer.colour);
  rect.setAttribute("stroke-width", outlined ? "2.2" : "1");
  if (outlined && layer.dash.length) rect.setAttribute("stroke-dasharray", layer.dash.map((d) => d * 0.6).join(" "));
  svg.append(rect);
  return svg;
}
