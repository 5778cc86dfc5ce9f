// The layers panel: one row per mask, the photograph and the overlays. Every control writes a trait; `refresh` reads them.

import { h, icon, swatch } from "./dom.js";

const KINDS = { structure: "Structures", phenotype: "Phenotypes", lesion: "Lesions" };

/** Build the panel for the layers of a model: { element, refresh }. `store` has get(name), set(changes), say(text). */
export function makePanel(store, drawn, info) {
  const layers = [...drawn].sort((a, b) => a.rank - b.rank); // people read in the order of the taxonomy
  const rows = layers.map((layer) => layerRow(store, layer));
  const extras = [photographRow(store, info), ...overlayRows(store, info)].filter(Boolean);
  const element = h("div", { class: "rtv-panel", role: "group", "aria-label": "Layers" });
  if (layers.length) element.append(layersHeader(store, layers));
  const groups = Object.keys(KINDS).filter((kind) => layers.some((layer) => layer.kind === kind));
  for (const kind of groups) {
    if (groups.length > 1) element.append(h("div", { class: "rtv-caption" }, KINDS[kind]));
    element.append(h("ul", { class: "rtv-rows", "aria-label": KINDS[kind] },
      ...rows.filter((row) => row.layer.kind === kind).map((row) => row.element)));
  }
  if (!layers.length) element.append(h("p", { class: "rtv-none" }, "This eye has no masks."));
  element.append(h("div", { class: "rtv-caption" }, "Picture"),
    h("ul", { class: "rtv-rows", "aria-label": "Picture" }, ...extras.map((row) => row.element)));
  const refresh = () => [...rows, ...extras].forEach((row) => row.refresh());
  refresh();
  const order = groups.flatMap((kind) => layers.filter((layer) => layer.kind === kind));
  return { element: h("div", { class: "rtv-side" }, element), refresh, order };
}

function layersHeader(store, layers) {
  const show = (names, text) => () => { store.set({ visible: names }); store.say(text); };
  return h("div", { class: "rtv-panel-head" },
    h("span", { class: "rtv-panel-title" }, "Layers"),
    h("button", { type: "button", class: "rtv-text-button", "aria-label": "Show all layers",
      onclick: show(layers.map((layer) => layer.name), "All layers shown") }, "All"),
    h("button", { type: "button", class: "rtv-text-button", "aria-label": "Hide all layers",
      onclick: show([], "All layers hidden") }, "None"));
}

export function setVisible(store, layers, name, on) {
  const now = new Set(store.get("visible"));
  if (on) now.add(name); else now.delete(name);
  store.set({ visible: layers.filter((layer) => now.has(layer.name)).map((layer) => layer.name) });
}

function layerRow(store, layer) {
  const check = h("input", { type: "checkbox", onchange: () => {
    setVisible(store, store.layers(), layer.name, check.checked);
    store.say(`${layer.label} ${check.checked ? "shown" : "hidden"}`);
  } });
  const sample = h("span", { class: "rtv-sample" });
  const slider = h("input", { type: "range", min: 0, max: 1, step: 0.05, "aria-label": `Opacity of ${layer.label}`,
    oninput: () => store.set({ opacity: { ...store.get("opacity"), [layer.name]: Number(slider.value) } }) });
  const outline = h("button", { type: "button", class: "rtv-toggle rtv-toggle-icon", "aria-label": `Outline of ${layer.label}`,
    title: "Outline instead of fill", onclick: () => {
      const now = new Set(store.get("outlined"));
      const on = !now.has(layer.name);
      if (on) now.add(layer.name); else now.delete(layer.name);
      store.set({ outlined: store.layers().filter((l) => now.has(l.name)).map((l) => l.name) });
      store.say(`${layer.label} as ${on ? "outline" : "fill"}`);
    } }, icon("outline"));
  const name = h("span", { class: "rtv-name", title: layer.label }, layer.label);
  const empty = layer.pixels === 0 ? h("span", { class: "rtv-tag", title: "Looked for, none found" }, "none found") : null;
  const element = h("li", { class: "rtv-row", "data-layer": layer.name },
    h("label", { class: "rtv-check" }, check, sample, name, empty), slider, outline);
  const refresh = () => {
    const outlined = store.get("outlined").includes(layer.name);
    check.checked = store.get("visible").includes(layer.name);
    element.classList.toggle("rtv-off", !check.checked);
    const opacity = store.get("opacity")[layer.name];
    slider.value = String(opacity);
    slider.setAttribute("aria-valuetext", `${Math.round(opacity * 100)} %`);
    slider.title = `Opacity ${Math.round(opacity * 100)} %`;
    outline.setAttribute("aria-pressed", String(outlined));
    sample.replaceChildren(swatch(layer, outlined));
  };
  return { layer, element, refresh };
}

function checkRow(store, text, read, write, ...more) {
  const check = h("input", { type: "checkbox", onchange: () => {
    write(check.checked);
    store.say(`${text} ${check.checked ? "shown" : "hidden"}`);
  } });
  const element = h("li", { class: "rtv-row rtv-row-plain" },
    h("label", { class: "rtv-check" }, check, h("span", { class: "rtv-name" }, text)), ...more);
  return { element, refresh: () => { check.checked = read(); element.classList.toggle("rtv-off", !check.checked); } };
}

function photographRow(store, info) {
  if (!info.has_photograph) return null;
  let last = "colour"; // what to come back to when the photograph is shown again
  const redFree = h("button", { type: "button", class: "rtv-toggle", "aria-label": "Red-free photograph",
    title: "Green channel as grey (r)", onclick: () => toggleRedFree(store) }, "Red-free");
  const row = checkRow(store, "Photograph", () => store.get("photograph") !== "hidden",
    (on) => store.set({ photograph: on ? last : "hidden" }), redFree);
  const refresh = () => {
    const kind = store.get("photograph");
    if (kind !== "hidden") last = kind;
    redFree.setAttribute("aria-pressed", String(kind === "red_free"));
    row.refresh();
  };
  return { element: row.element, refresh };
}

export function toggleRedFree(store) {
  const on = store.get("photograph") !== "red_free";
  store.set({ photograph: on ? "red_free" : "colour" });
  store.say(on ? "Red-free photograph" : "Colour photograph");
}

function overlayRows(store, info) {
  const row = (text, trait) => checkRow(store, text, () => store.get(trait), (on) => store.set({ [trait]: on }));
  return [
    info.landmarks.length ? row("Disc and fovea", "landmarks") : null,
    info.has_fov ? row("Field of view", "fov") : null,
  ];
}
