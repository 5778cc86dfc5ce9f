// Pointer, wheel and keys on the stage, turned into calls of `act`. No state of the view lives here.

const CLICK_SLOP = 4; // CSS pixels a click may wander

function placeOf(stage, event) {
  const box = stage.getBoundingClientRect();
  return [event.clientY - box.top, event.clientX - box.left];
}

/** Listen on the stage until `signal` aborts. `act` has pan, zoomAt, fit, hover, leave, click. */
export function listenToPointer(stage, act, signal) {
  const down = new Map(); // pointer id -> last place
  let travelled = 0;
  stage.addEventListener("pointerdown", (event) => {
    if (event.button !== 0) return;
    stage.setPointerCapture(event.pointerId);
    down.set(event.pointerId, placeOf(stage, event));
    if (down.size === 1) travelled = 0;
  }, { signal });
  stage.addEventListener("pointermove", (event) => {
    const place = placeOf(stage, event);
    const last = down.get(event.pointerId);
    act.hover(place);
    if (!last) return;
    const [dy, dx] = [place[0] - last[0], place[1] - last[1]];
    travelled += Math.hypot(dy, dx);
    if (down.size === 2) pinch(down, event.pointerId, place, act);
    else if (travelled > CLICK_SLOP) act.pan(dy, dx);
    if (travelled > CLICK_SLOP || down.size === 2) down.set(event.pointerId, place);
  }, { signal });
  const up = (event) => {
    if (down.delete(event.pointerId) && down.size === 0 && travelled <= CLICK_SLOP && event.type === "pointerup") {
      act.click(placeOf(stage, event), event);
    }
  };
  stage.addEventListener("pointerup", up, { signal });
  stage.addEventListener("pointercancel", up, { signal });
  stage.addEventListener("pointerleave", () => act.leave(), { signal });
  stage.addEventListener("dblclick", (event) => { if (!event.shiftKey) act.doubleClick(); }, { signal });
  stage.addEventListener("wheel", (event) => {
    const pixels = event.deltaY * [1, 16, 400][event.deltaMode];
    const factor = Math.exp(-Math.max(-240, Math.min(240, pixels)) * (event.ctrlKey ? 0.01 : 0.002));
    // At the whole picture a further wheel out scrolls the page, so that nobody is caught in the picture.
    if (act.zoomAt(factor, placeOf(stage, event))) event.preventDefault();
  }, { signal, passive: false });
}

function pinch(down, id, place, act) {
  const other = [...down].find(([key]) => key !== id)[1];
  const last = down.get(id);
  const gap = (a, b) => Math.max(8, Math.hypot(a[0] - b[0], a[1] - b[1]));
  act.zoomAt(gap(place, other) / gap(last, other), other);
}

const ARROWS = { ArrowUp: [1, 0], ArrowDown: [-1, 0], ArrowLeft: [0, 1], ArrowRight: [0, -1] };

/** What a key does on the stage; undefined when it has no meaning here. */
export function keyAction(event, act) {
  if (event.ctrlKey || event.metaKey || event.altKey) return undefined;
  if (event.key in ARROWS) return () => act.arrow(...ARROWS[event.key], event.shiftKey);
  if (/^[1-9]$/.test(event.key)) return () => act.toggleLayer(Number(event.key) - 1);
  const actions = {
    "+": act.zoomIn, "=": act.zoomIn, "-": act.zoomOut, _: act.zoomOut, 0: act.fit, f: act.fit, h: act.toggleAll,
    r: act.redFree, l: act.landmarks, m: act.mark, Backspace: act.unmark, Delete: act.unmark, "?": act.showKeys,
    Escape: act.escape,
  };
  return actions[event.key.length === 1 ? event.key.toLowerCase() : event.key];
}

/** Keys on the stage act, keys anywhere in the widget stay in it: a plain X must not cut the notebook's cell. */
export function listenToKeys(root, stage, act, signal) {
  root.addEventListener("keydown", (event) => {
    const plain = !event.ctrlKey && !event.metaKey && !event.altKey;
    if (plain && event.key !== "Tab") event.stopPropagation();
    if (event.key === "Escape" && plain) { event.preventDefault(); act.escape(); return; }
    if (event.key === "?" && plain) { event.preventDefault(); act.showKeys(); return; }
    if (event.target !== stage) return;
    const action = keyAction(event, act);
    if (action) { event.preventDefault(); action(); }
  }, { signal });
}
