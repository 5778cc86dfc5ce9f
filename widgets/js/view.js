// The view transform: native pixels of the picture to CSS pixels of the stage and back. Pure functions.
//
// Pixel centres lie on whole numbers, so a picture of W columns spans x = -0.5 .. W - 0.5.
// A view is { zoom, centre: [y, x] }; zoom 1 shows the whole picture, centre is a native pixel.

export const MIN_ZOOM = 1;
export const MAX_ZOOM = 64;
export const PIXELS_FROM = 4; // CSS pixels per picture pixel from which a pixel is shown as the square it is

const clamp = (value, low, high) => Math.min(high, Math.max(low, value));

/** The frame a view is seen in: picture and stage sizes. */
export function makeFrame(height, width, stageHeight, stageWidth) {
  return { height, width, stageHeight: Math.max(1, stageHeight), stageWidth: Math.max(1, stageWidth) };
}

/** CSS pixels per native pixel. */
export function scaleOf(view, frame) {
  return view.zoom * Math.min(frame.stageWidth / frame.width, frame.stageHeight / frame.height);
}

export function toStage(view, frame, [y, x]) {
  const scale = scaleOf(view, frame);
  return [(y - view.centre[0]) * scale + frame.stageHeight / 2, (x - view.centre[1]) * scale + frame.stageWidth / 2];
}

export function toNative(view, frame, [top, left]) {
  const scale = scaleOf(view, frame);
  return [
    (top - frame.stageHeight / 2) / scale + view.centre[0],
    (left - frame.stageWidth / 2) / scale + view.centre[1],
  ];
}

export function fitView(frame) {
  return { zoom: 1, centre: [(frame.height - 1) / 2, (frame.width - 1) / 2] };
}

/** Keep zoom in range and the middle of the stage on the picture. */
export function clampView(view, frame) {
  return {
    zoom: clamp(view.zoom, MIN_ZOOM, MAX_ZOOM),
    centre: [clamp(view.centre[0], -0.5, frame.height - 0.5), clamp(view.centre[1], -0.5, frame.width - 0.5)],
  };
}

/** Zoom by a factor; what is under `at` (stage top, left) stays there. Zooming out to 1 gives the fitted view. */
export function zoomAt(view, frame, factor, at) {
  const zoom = clamp(view.zoom * factor, MIN_ZOOM, MAX_ZOOM);
  if (zoom <= MIN_ZOOM) return fitView(frame);
  const [y, x] = toNative(view, frame, at);
  const scale = scaleOf({ zoom }, frame);
  const centre = [y - (at[0] - frame.stageHeight / 2) / scale, x - (at[1] - frame.stageWidth / 2) / scale];
  return clampView({ zoom, centre }, frame);
}

/** Move the picture by CSS pixels: down and right are positive. */
export function panBy(view, frame, down, right) {
  const scale = scaleOf(view, frame);
  return clampView({ zoom: view.zoom, centre: [view.centre[0] - down / scale, view.centre[1] - right / scale] }, frame);
}

/** The view a part of the way from one to another; zoom moves by equal ratios. */
export function between(from, to, part) {
  const mix = (a, b) => a + (b - a) * part;
  return {
    zoom: from.zoom * (to.zoom / from.zoom) ** part,
    centre: [mix(from.centre[0], to.centre[0]), mix(from.centre[1], to.centre[1])],
  };
}
