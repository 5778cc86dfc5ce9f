// The viewer of one eye: builds the parts, connects them to the model, and takes them away again.

import { codeBox, keysTable, makeReadout, makeSheet, makeTitle, makeToolbar } from "./chrome.js";
import { h } from "./dom.js";
import { listenToKeys, listenToPointer } from "./input.js";
import { makePanel, setVisible, toggleRedFree } from "./panel.js";
import { paint } from "./paint.js";
import { loadMask, loadPhotograph } from "./pictures.js";
import { insidePicture, readAt, sentence } from "./readout.js";
import { makeStore, readView, writeView } from "./store.js";
import { between, clampView, fitView, makeFrame, panBy, scaleOf, toNative, zoomAt } from "./view.js";

const STEP = 1.4; // zoom of one key press or button
const GLIDE_MS = 160;
const ANNOUNCE_AFTER_MS = 450;
const LAYER_STATE = ["visible", "outlined", "opacity", "photograph", "landmarks", "fov", "points"];

/** The parts of one eye on the page, without behaviour. */
function makeParts(info) {
  const canvas = h("canvas", { class: "rtv-canvas", "aria-hidden": "true" });
  const name = `Picture of ${info.image_id || "the eye"}. Arrow keys move, plus and minus zoom, question mark lists the keys.`;
  const stage = h("div", { class: "rtv-stage", tabindex: 0, role: "application", "aria-label": name, "aria-busy": "true",
    "aria-roledescription": "image viewer", style: `aspect-ratio: ${info.width} / ${info.height}` }, canvas);
  return { canvas, stage, readout: makeReadout(), title: makeTitle(info) };
}

/** Everything that is drawn, kept up to date; `invalidate` asks for a frame. */
function makeScene(store, info, canvas, stage) {
  const scene = { info, frame: makeFrame(info.height, info.width, 1, 1), view: fitView(makeFrame(info.height, info.width, 1, 1)),
    ratio: 1, photograph: null, photographKind: "colour", layers: store.get("_layers").map((layer) => ({ ...layer, mask: null })),
    fovMask: null, fov: null, landmarks: [], points: [], cursor: false };
  const context = canvas.getContext("2d", { alpha: true });
  let request = 0;
  const refresh = () => {
    scene.view = clampView(readView(store), scene.frame);
    const visible = store.get("visible"), outlined = store.get("outlined"), opacity = store.get("opacity");
    for (const layer of scene.layers) {
      layer.shown = visible.includes(layer.name);
      layer.outlined = outlined.includes(layer.name);
      layer.opacity = opacity[layer.name] ?? 1;
    }
    scene.photographKind = store.get("photograph");
    scene.landmarks = store.get("landmarks") ? info.landmarks : [];
    scene.points = store.get("points");
    scene.fov = store.get("fov") ? scene.fovMask : null;
  };
  const draw = () => {
    request = 0;
    refresh();
    paint(context, scene);
  };
  scene.invalidate = () => { request ||= requestAnimationFrame(draw); };
  scene.stop = () => cancelAnimationFrame(request);
  scene.resize = () => {
    const box = stage.getBoundingClientRect();
    if (!box.width || !box.height) return; // not laid out, such as in a hidden tab
    scene.ratio = Math.min(2, window.devicePixelRatio || 1);
    scene.frame = makeFrame(info.height, info.width, box.height, box.width);
    canvas.width = Math.ceil(box.width * scene.ratio);
    canvas.height = Math.ceil(box.height * scene.ratio);
    canvas.style.width = `${canvas.width / scene.ratio}px`;
    canvas.style.height = `${canvas.height / scene.ratio}px`;
    cancelAnimationFrame(request);
    draw(); // at once: an emptied canvas would flash
  };
  return scene;
}

const pause = () => new Promise((resume) => setTimeout(resume));

/** Photograph first, to be seen at once; then all masks, decoded side by side; then what reading them takes. */
async function loadPictures(store, scene, isOpen) {
  const photo = store.get("_photo"), fov = store.get("_fov");
  if (photo?.byteLength) scene.photograph = await loadPhotograph(photo);
  scene.invalidate();
  await pause();
  const loads = scene.layers.map(async (layer) => (layer.mask = await loadMask(layer.png, scene.info)));
  if (fov?.byteLength) loads.push(loadMask(fov, scene.info).then((mask) => (scene.fovMask = mask)));
  const masks = await Promise.all(loads);
  if (!isOpen()) return;
  scene.invalidate();
  for (const mask of masks) {
    await pause(); // a hand that moves meanwhile is served in between
    if (!isOpen()) return;
    mask.prepare();
  }
  scene.invalidate();
}

/** Moves of the view, at once or gliding there; a reader who asked for less motion gets no glide. */
function makeMoves(store, scene) {
  const still = window.matchMedia("(prefers-reduced-motion: reduce)");
  let gliding = 0, goal = null;
  const current = () => goal ?? clampView(readView(store), scene.frame);
  const go = (view) => {
    cancelAnimationFrame(gliding);
    goal = null;
    writeView(store, view);
  };
  const glide = (target) => {
    const from = clampView(readView(store), scene.frame);
    if (still.matches) { go(target); return; }
    cancelAnimationFrame(gliding);
    goal = target;
    const start = performance.now();
    const step = (now) => {
      const part = Math.min(1, Math.max(0, (now - start) / GLIDE_MS));
      writeView(store, part < 1 ? between(from, target, 1 - (1 - part) ** 3) : target);
      if (part < 1) gliding = requestAnimationFrame(step);
      else goal = null;
    };
    gliding = requestAnimationFrame(step);
  };
  return { current, go, glide, stop: () => cancelAnimationFrame(gliding) };
}

/** Read-out of the pointer, or of the middle of the stage while the keyboard drives. */
function makeHover(store, scene, readout) {
  let place = null, timer = null, request = 0;
  const native = () => (place ? toNative(scene.view, scene.frame, place) : scene.view.centre);
  const reading = () => readAt(scene.info, scene.layers, ...native());
  const update = () => {
    request = 0;
    scene.view = clampView(readView(store), scene.frame);
    readout.show(place || scene.cursor ? reading() : null, store);
    if (!store.get("report_hover")) return;
    const [y, x] = native();
    store.set({ hover_yx: place && insidePicture(scene.info, y, x) ? [Math.round(y), Math.round(x)] : null });
  };
  const later = () => { request ||= requestAnimationFrame(update); }; // a hand moves more often than a screen shows
  return {
    at(next) {
      place = next;
      if (place && scene.cursor) { scene.cursor = false; scene.invalidate(); }
      later();
    },
    /** The keyboard moved the view: point at its middle, and say so once it rests. */
    keyboard() {
      place = null;
      scene.cursor = true;
      later();
      clearTimeout(timer);
      timer = setTimeout(() => store.say(sentence(reading()), true), ANNOUNCE_AFTER_MS);
    },
    native,
    later,
    stop() {
      clearTimeout(timer);
      cancelAnimationFrame(request);
    },
  };
}

/** What the buttons, the pointer and the keys can do. */
function makeActions(store, scene, moves, hover, ui) {
  const { say } = store;
  const middle = () => [scene.frame.stageHeight / 2, scene.frame.stageWidth / 2];
  const zoomStep = (factor) => () => {
    const target = zoomAt(moves.current(), scene.frame, factor, middle());
    moves.glide(target);
    say(`Zoom ${Math.round(target.zoom * 100)} %`);
  };
  const addPoint = ([y, x]) => {
    if (!insidePicture(scene.info, y, x)) return;
    const point = [Math.round(y), Math.round(x)], points = store.get("points"), last = points.at(-1);
    if (last && last[0] === point[0] && last[1] === point[1]) return; // a double click is one point
    store.set({ points: [...points, point] });
    say(`Point ${points.length + 1}: ${sentence(readAt(scene.info, scene.layers, ...point))}`);
  };
  return {
    zoomIn: zoomStep(STEP),
    zoomOut: zoomStep(1 / STEP),
    fit() { moves.glide(fitView(scene.frame)); say("Whole picture"); },
    zoomAt(factor, at) {
      const view = moves.current();
      if (factor <= 1 && view.zoom <= 1) return false;
      moves.go(zoomAt(view, scene.frame, factor, at));
      hover.at(at);
      return true;
    },
    pan: (dy, dx) => moves.go(panBy(moves.current(), scene.frame, dy, dx)),
    arrow(down, right, fine) {
      const scale = scaleOf(moves.current(), scene.frame);
      const step = fine ? scale : Math.max(scale, 0.1 * Math.min(scene.frame.stageWidth, scene.frame.stageHeight));
      moves.go(panBy(moves.current(), scene.frame, down * step, right * step));
      hover.keyboard();
    },
    hover: (place) => hover.at(place),
    leave: () => hover.at(null),
    click(place, event) { if (ui.marking || event.shiftKey) addPoint(toNative(scene.view, scene.frame, place)); },
    doubleClick() { if (!ui.marking) moves.glide(fitView(scene.frame)); },
    mark: () => addPoint(hover.native()),
    unmark() {
      const points = store.get("points");
      if (!points.length) return;
      store.set({ points: points.slice(0, -1) });
      say(`Point ${points.length} removed`);
    },
    toggleMarking() {
      ui.marking = !ui.marking;
      ui.toolbar.mark.setAttribute("aria-pressed", String(ui.marking));
      ui.stage.classList.toggle("rtv-marking", ui.marking);
      say(ui.marking ? "A click marks a point" : "A click marks no point");
    },
    toggleLayer(index) {
      const layer = ui.panelOrder[index];
      if (!layer) return;
      const on = !store.get("visible").includes(layer.name);
      setVisible(store, scene.layers, layer.name, on);
      say(`${layer.label} ${on ? "shown" : "hidden"}`);
    },
    toggleAll() {
      const now = store.get("visible");
      if (now.length) ui.lastVisible = now;
      store.set({ visible: now.length ? [] : ui.lastVisible ?? scene.layers.map((layer) => layer.name) });
      say(now.length ? "All layers hidden" : "Layers shown again");
    },
    redFree() { if (scene.info.has_photograph) toggleRedFree(store); },
    landmarks: () => store.set({ landmarks: !store.get("landmarks") }),
    togglePanel: () => store.set({ panel: !store.get("panel") }),
    showKeys: () => ui.openSheet("keys"),
    showCode: () => ui.openSheet("code"),
    escape() {
      if (ui.closeSheets()) return;
      ui.stage.blur();
      say("Left the picture");
    },
  };
}

function makeSheets(ui, store) {
  const code = codeBox(store.say);
  const sheets = { keys: makeSheet("Keys", keysTable()), code: makeSheet("Code of this view", code.element) };
  const buttons = () => ({ keys: ui.toolbar.help, code: ui.toolbar.code });
  const mirror = () => Object.entries(sheets).forEach(([name, sheet]) =>
    buttons()[name].setAttribute("aria-expanded", String(sheet.isOpen())));
  ui.closeSheets = () => {
    const open = Object.values(sheets).filter((sheet) => sheet.isOpen());
    open.forEach((sheet) => sheet.close());
    mirror();
    return open.length > 0;
  };
  ui.openSheet = (name) => {
    const wasOpen = sheets[name].isOpen();
    ui.closeSheets();
    if (!wasOpen) sheets[name].open();
    mirror();
  };
  const refreshCode = () => { code.text.value = store.get("code"); };
  store.on(["code"], refreshCode);
  refreshCode();
  return Object.values(sheets).map((sheet) => {
    sheet.element.addEventListener("click", mirror);
    return sheet.element;
  });
}

/** Build the viewer of the model's present eye in `el`; returns what takes it away. */
function mount(model, el) {
  const store = makeStore(model), info = model.get("_info"), abort = new AbortController();
  const { canvas, stage, readout, title } = makeParts(info);
  store.say = readout.say;
  const scene = makeScene(store, info, canvas, stage);
  store.layers = () => scene.layers;
  const moves = makeMoves(store, scene), hover = makeHover(store, scene, readout);
  const panel = makePanel(store, scene.layers, info);
  const ui = { stage, marking: false, lastVisible: null, panelOrder: panel.order, toolbar: null };
  const act = makeActions(store, scene, moves, hover, ui);
  ui.toolbar = makeToolbar(act);
  const sheets = makeSheets(ui, store);
  const body = h("div", { class: "rtv-body" },
    h("div", { class: "rtv-picture" }, h("div", { class: "rtv-stage-box" }, stage, ...sheets), readout.element),
    panel.element);
  const root = h("div", { class: "rtv", role: "group", "aria-label": `Viewer of ${info.image_id || "an eye"}` },
    h("div", { class: "rtv-head" }, title, ui.toolbar.element), body);
  el.append(root);
  listenToPointer(stage, act, abort.signal);
  listenToKeys(root, stage, act, abort.signal);
  const refresh = () => {
    panel.refresh();
    panel.element.hidden = !store.get("panel");
    ui.toolbar.panel.setAttribute("aria-pressed", String(store.get("panel")));
    ui.toolbar.unmark.disabled = store.get("points").length === 0;
    stage.style.maxHeight = `${store.get("height")}px`;
    hover.later();
    scene.invalidate();
  };
  const moved = () => { // many times a second: only what depends on the view
    ui.toolbar.percent.textContent = `${Math.round(store.get("zoom") * 100)} %`;
    hover.later();
    scene.invalidate();
  };
  store.on([...LAYER_STATE, "panel", "height"], refresh);
  store.on(["zoom", "centre_yx"], moved);
  const resizes = new ResizeObserver(() => scene.resize());
  resizes.observe(stage);
  refresh();
  moved();
  let open = true;
  loadPictures(store, scene, () => open)
    .catch((error) => store.say(`The picture could not be shown: ${error.message}`))
    .finally(() => stage.setAttribute("aria-busy", "false"));
  return () => {
    open = false;
    abort.abort();
    resizes.disconnect();
    scene.stop();
    moves.stop();
    hover.stop();
    store.close();
    root.remove();
  };
}

/** anywidget's entry: show the eye, and show another one when Python swaps it. */
function render({ model, el }) {
  let unmount = mount(model, el);
  const swap = () => { unmount(); unmount = mount(model, el); };
  model.on("change:_info", swap);
  return () => { model.off("change:_info", swap); unmount(); };
}

export default { render };
