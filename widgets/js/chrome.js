// What is around the picture: title, buttons, read-out, the sheets with the keys and the line of code.

import { h, icon, iconButton, swatch } from "./dom.js";

export const KEYS = [
  ["wheel, pinch, + −", "zoom"],
  ["drag, arrows", "move (Shift + arrow: one pixel)"],
  ["0, f, double click", "whole picture"],
  ["1 to 9", "layer on or off, in the order of the panel"],
  ["h", "all layers on or off"],
  ["r", "red-free photograph"],
  ["l", "disc and fovea"],
  ["m, Shift + click", "mark the point"],
  ["Backspace", "take the last point back"],
  ["?", "this list"],
  ["Esc", "leave the picture"],
];

export function makeTitle(info) {
  const side = { OD: "OD, right eye", OS: "OS, left eye" }[info.laterality] ?? "";
  const scale = info.um_per_pixel
    ? `${Number(info.um_per_pixel.toPrecision(3))} µm/px${info.scale_source === "disc_diameter" ? " (assumed from the disc)" : ""}`
    : "no scale";
  const facts = [info.patient_id && `patient ${info.patient_id}`, side, `${info.width} × ${info.height} px`, scale];
  return h("div", { class: "rtv-title" },
    h("span", { class: "rtv-id" }, info.image_id || "Eye"),
    h("span", { class: "rtv-facts" }, facts.filter(Boolean).join(" · ")));
}

/** The buttons above the picture; `act` has a function for each. */
export function makeToolbar(act) {
  const percent = h("span", { class: "rtv-percent", title: "Zoom" });
  const mark = iconButton("mark", "Mark points by clicking", "or Shift + click", act.toggleMarking, { "aria-pressed": "false" });
  const panel = iconButton("layers", "Layers panel", "", act.togglePanel);
  const code = iconButton("code", "Code of this view", "", act.showCode, { "aria-expanded": "false" });
  const help = iconButton("help", "Keys", "?", act.showKeys, { "aria-expanded": "false" });
  const unmark = iconButton("undo", "Take the last point back", "Backspace", act.unmark);
  const element = h("div", { class: "rtv-toolbar", role: "toolbar", "aria-label": "View" },
    iconButton("minus", "Zoom out", "−", act.zoomOut), percent,
    iconButton("plus", "Zoom in", "+", act.zoomIn),
    iconButton("fit", "Whole picture", "0", act.fit),
    h("span", { class: "rtv-gap" }), mark, unmark,
    h("span", { class: "rtv-gap" }), code, help, panel);
  return { element, percent, mark, unmark, panel, code, help };
}

/** The line under the picture: what is under the cursor on the left, what just happened on the right. */
export function makeReadout() {
  const cells = ["position", "disc", "fovea", "names"].map((name) => h("span", { class: `rtv-cell rtv-${name}` }));
  const message = h("span", { class: "rtv-message", role: "status", "aria-live": "polite" });
  const element = h("div", { class: "rtv-readout" },
    h("div", { class: "rtv-cells", "data-testid": "readout" }, ...cells), message);
  const show = (reading, store) => {
    const [position, disc, fovea, names] = cells;
    element.classList.toggle("rtv-resting", !reading);
    position.textContent = reading ? reading.position : "Point at the picture to read it; ? lists the keys";
    disc.textContent = reading ? reading.disc : "";
    fovea.textContent = reading ? reading.fovea : "";
    names.replaceChildren(...(reading ? reading.layers.map((layer) => chip(layer, store)) : []));
  };
  /** Tell what happened; what the read-out shows already is only spoken. */
  const say = (text, spokenOnly = false) => {
    message.classList.toggle("rtv-spoken", spokenOnly);
    message.textContent = text;
  };
  show(null);
  return { element, show, say };
}

function chip(layer, store) {
  const shown = store.get("visible").includes(layer.name);
  return h("span", { class: shown ? "rtv-chip" : "rtv-chip rtv-chip-hidden" },
    swatch(layer, store.get("outlined").includes(layer.name)), shown ? layer.label : `${layer.label} (hidden)`);
}

/** A sheet over the picture, closed by its button or Esc; focus goes to it and comes back. */
export function makeSheet(title, ...content) {
  let before = null;
  const close = () => {
    if (element.hidden) return;
    element.hidden = true;
    before?.focus({ preventScroll: true });
  };
  const closeButton = h("button", { type: "button", class: "rtv-text-button", onclick: close }, "Close");
  const element = h("div", { class: "rtv-sheet", role: "dialog", "aria-label": title, hidden: true },
    h("div", { class: "rtv-sheet-head" }, h("strong", {}, title), closeButton), ...content);
  const open = () => {
    before = element.getRootNode().activeElement;
    element.hidden = false;
    closeButton.focus({ preventScroll: true });
  };
  return { element, open, close, isOpen: () => !element.hidden };
}

export function keysTable() {
  return h("table", { class: "rtv-keys" }, h("tbody", {},
    ...KEYS.map(([keys, what]) => h("tr", {}, h("th", { scope: "row" }, keys), h("td", {}, what)))));
}

/** The line that makes this view again, with a button that copies it. */
export function codeBox(say) {
  const text = h("textarea", { class: "rtv-code", readonly: true, rows: 3, spellcheck: "false", "aria-label": "Code of this view" });
  const copy = h("button", { type: "button", class: "rtv-text-button", onclick: async () => {
    text.select();
    try {
      await navigator.clipboard.writeText(text.value);
      say("Code copied");
    } catch {
      say("The browser does not allow copying; the line is selected, press Ctrl+C");
    }
  } }, "Copy");
  return { element: h("div", { class: "rtv-code-box" }, text, copy), text };
}
