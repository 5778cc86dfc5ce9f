// The catalogue of biomarkers: a search box, filters, and one entry per row that opens. What is written in it comes from
// Python as plain text and goes in as text.

import { h } from "./dom.js";
import { makeStore } from "./store.js";

const PARTS = [
  ["definition", "Definition"], ["variables", "Variables"], ["units", "Units"], ["dims", "For each"], ["needs", "Needs"],
  ["source", "Source"], ["peers", "In other tools"], ["interval", "Interval of draws"],
];
const FILTERS = ["query", "structure", "unit", "have"];

const wordsOf = (query) => query.toLowerCase().split(/\s+/).filter(Boolean);

/** Whether an entry is asked for; the same rule as `CatalogueView.table` in Python. */
function fits(entry, asked) {
  return (!asked.structure || entry.structure === asked.structure)
    && (!asked.unit || entry.units.split(", ").includes(asked.unit))
    && entry.needs.split(", ").filter(Boolean).every((need) => asked.have.includes(need))
    && wordsOf(asked.query).every((word) => entry.text.includes(word));
}

/** The text with the words of the search marked, as nodes. */
function marked(text, words) {
  const lower = text.toLowerCase(), parts = [];
  if (lower.length !== text.length) return [text]; // letters that change their number with their case
  let at = 0;
  while (at < text.length) {
    const next = words.map((word) => [lower.indexOf(word, at), word]).filter(([place]) => place >= 0)
      .sort((a, b) => a[0] - b[0] || b[1].length - a[1].length)[0];
    if (!next) break;
    const [place, word] = next;
    parts.push(text.slice(at, place), h("mark", {}, text.slice(place, place + word.length)));
    at = place + word.length;
  }
  return [...parts, text.slice(at)].filter((part) => part !== "");
}

/** A drop-down bound to a trait. */
function makeChoice(store, trait, label, all, values) {
  const select = h("select", { class: "rtc-choice", "aria-label": label, onchange: () => store.set({ [trait]: select.value }) },
    h("option", { value: "" }, all), ...values.map((value) => h("option", { value }, value)));
  return { element: select, refresh() { select.value = store.get(trait); } };
}

/** What the eye has: one switch for each, all on at first. */
function makeHave(store, needs) {
  const buttons = needs.map((need) => h("button", { type: "button", class: "rtc-switch", onclick: () => {
    const have = store.get("have");
    store.set({ have: have.includes(need) ? have.filter((one) => one !== need) : needs.filter((one) => one === need || have.includes(one)) });
  } }, need));
  const element = h("div", { class: "rtc-have", role: "group", "aria-label": "The eye has" },
    h("span", { class: "rtc-soft", "aria-hidden": "true" }, "The eye has"), ...buttons);
  const refresh = () => buttons.forEach((button, k) => button.setAttribute("aria-pressed", String(store.get("have").includes(needs[k]))));
  return { element, refresh };
}

/** One entry: a button with its title, and under it, once opened, everything that is known of it. */
function makeEntry(store, entry, id, words) {
  const open = store.get("selected") === entry.name;
  const button = h("button", { type: "button", class: "rtc-title", "data-name": entry.name, "aria-expanded": String(open),
    "aria-controls": id, onclick: () => store.set({ selected: open ? "" : entry.name }) },
  h("span", { class: "rtc-label" }, ...marked(entry.label, words)),
  h("code", { class: "rtc-name" }, ...marked(entry.name, words)), h("span", { class: "rtc-units" }, entry.units));
  const rows = PARTS.filter(([part]) => entry[part]).flatMap(([part, title]) =>
    [h("dt", {}, title), h("dd", {}, ...marked(entry[part], words))]);
  const call = h("code", { class: "rtc-call" }, `biomarkers.measure(eye, "${entry.name}")`);
  const detail = open ? h("div", { class: "rtc-detail", id, role: "region", "aria-label": entry.label },
    h("dl", {}, ...rows, h("dt", {}, "Measure it"), h("dd", {}, call))) : h("div", { id, hidden: true });
  return h("li", { class: "rtc-entry" }, button, detail);
}

function makeList(store, entries, serial) {
  const element = h("div", { class: "rtc-list", style: `max-height: ${store.get("height")}px` });
  const refresh = (found, words) => {
    const focused = element.contains(document.activeElement) ? document.activeElement.dataset.name : null;
    const parts = [...new Set(found.map((entry) => entry.structure))].map((structure) => {
      const own = found.filter((entry) => entry.structure === structure);
      return h("section", { "aria-label": structure }, h("h4", { class: "rtc-part" }, `${structure} (${own.length})`),
        h("ul", {}, ...own.map((entry) => makeEntry(store, entry, `rtc-${serial}-${entries.indexOf(entry)}`, words))));
    });
    const none = h("p", { class: "rtc-none" }, "Nothing fits. Take a word out of the search, or a filter away.");
    element.replaceChildren(...(parts.length ? parts : [none]));
    if (focused) titles(element).find((title) => title.dataset.name === focused)?.focus();
  };
  return { element, refresh };
}

const titles = (list) => [...list.querySelectorAll(".rtc-title")];

/** Arrows go through the entries, Escape goes back to the search box and empties it, a slash goes there. */
function listenToCatalogueKeys(root, search, list, store, signal) {
  root.addEventListener("keydown", (event) => {
    if (event.ctrlKey || event.metaKey || event.altKey) return;
    if (event.key !== "Tab") event.stopPropagation(); // a plain X must not cut the notebook's cell
    const all = titles(list), at = all.indexOf(event.target.closest(".rtc-title"));
    const go = (element) => { event.preventDefault(); element?.focus(); };
    if (event.key === "/" && event.target !== search) go(search);
    else if (event.key === "Escape" && event.target === search) { event.preventDefault(); store.set({ query: "" }); }
    else if (event.key === "Escape") go(search);
    else if (event.target === search && event.key === "ArrowDown") go(all[0]);
    else if (at >= 0 && event.key === "ArrowDown") go(all[Math.min(at + 1, all.length - 1)]);
    else if (at >= 0 && event.key === "ArrowUp") go(at ? all[at - 1] : search);
    else if (at >= 0 && event.key === "Home") go(all[0]);
    else if (at >= 0 && event.key === "End") go(all.at(-1));
  }, { signal });
}

let mounted = 0;

/** anywidget's entry: the catalogue in `el`; returns what takes it away. */
function render({ model, el }) {
  const store = makeStore(model), entries = model.get("_entries"), abort = new AbortController(), serial = mounted++;
  const search = h("input", { type: "search", class: "rtc-search", "aria-label": "Search the catalogue", spellcheck: "false",
    autocomplete: "off", placeholder: "Search: cup, tortuosity, ETDRS, AutoMorph ...  ( / )", oninput: () => store.set({ query: search.value }) });
  const structures = [...new Set(entries.map((entry) => entry.structure))];
  const units = [...new Set(entries.flatMap((entry) => entry.units.split(", ")))];
  const controls = [makeChoice(store, "structure", "Structure", "all structures", structures),
    makeChoice(store, "unit", "Unit", "all units", units), makeHave(store, model.get("_needs"))];
  const count = h("p", { class: "rtc-count rtc-soft", role: "status", "aria-live": "polite" });
  const list = makeList(store, entries, serial);
  const root = h("div", { class: "rtc", role: "group", "aria-label": "Catalogue of biomarkers" },
    h("div", { class: "rtc-head" }, search, ...controls.map((control) => control.element), count), list.element);
  el.append(root);
  listenToCatalogueKeys(root, search, list.element, store, abort.signal);
  const refresh = () => {
    const asked = Object.fromEntries(FILTERS.map((name) => [name, store.get(name)]));
    const found = entries.filter((entry) => fits(entry, asked));
    if (search.value !== asked.query) search.value = asked.query;
    controls.forEach((control) => control.refresh());
    count.textContent = `${found.length} of ${entries.length} biomarkers`;
    list.refresh(found, wordsOf(asked.query));
  };
  store.on([...FILTERS, "selected"], refresh);
  refresh();
  return () => {
    abort.abort();
    store.close();
    root.remove();
  };
}

export default { render };
