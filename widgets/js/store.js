// The widget's state as the views see it: read a trait, write traits, hear of changes. The model is the only truth;
// a change shows here at once and is sent to Python a moment later, so that a drag is one message and not a hundred.

const SEND_AFTER_MS = 120;

export function makeStore(model) {
  const listeners = [];
  let timer = null;
  const send = () => {
    if (timer === null) return;
    clearTimeout(timer);
    timer = null;
    model.save_changes();
  };
  return {
    get: (name) => model.get(name),
    set(changes) {
      for (const [name, value] of Object.entries(changes)) model.set(name, value);
      timer ??= setTimeout(send, SEND_AFTER_MS);
    },
    on(names, listener) {
      for (const name of names) {
        model.on(`change:${name}`, listener);
        listeners.push([`change:${name}`, listener]);
      }
    },
    close() {
      send();
      for (const [event, listener] of listeners) model.off(event, listener);
      listeners.length = 0;
    },
  };
}

/** The view transform kept in the traits `zoom` and `centre_yx`, rounded to what can be seen. */
export function readView(store) {
  return { zoom: store.get("zoom"), centre: store.get("centre_yx") };
}

const round = (value, digits) => Number(value.toFixed(digits));

export function writeView(store, view) {
  store.set({ zoom: round(view.zoom, 4), centre_yx: view.centre.map((value) => round(value, 2)) });
}
