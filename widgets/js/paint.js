// One frame: photograph, layers, outlines, landmarks, points, scale bar. Reads the scene, changes nothing.

import { scaleBar } from "./readout.js";
import { PIXELS_FROM, scaleOf, toNative, toStage } from "./view.js";

const NEUTRAL = "#6b7078"; // behind masks that come without a photograph
const HALO = "rgba(0, 0, 0, 0.6)";
const INK = "#ffffff";
const FONT = "system-ui, -apple-system, 'Segoe UI', sans-serif";

/** Draw a scene: { frame, view, ratio, photograph, photographKind, layers, fov, landmarks, points, cursor, info }. */
export function paint(context, scene) {
  const { frame, ratio } = scene;
  context.setTransform(ratio, 0, 0, ratio, 0, 0);
  context.clearRect(0, 0, frame.stageWidth, frame.stageHeight);
  drawBackground(context, scene);
  for (const layer of scene.layers) {
    if (!layer.shown || !layer.mask) continue;
    context.globalAlpha = layer.opacity;
    if (layer.outlined) strokeOutline(context, scene, layer.mask, layer.colour, layer.dash, 1.75);
    else {
      strokeCasing(context, scene, layer.mask, layer.colour);
      drawLevels(context, scene, layer.mask.levels);
    }
    context.globalAlpha = 1;
  }
  if (scene.fov) strokeOutline(context, scene, scene.fov, "#d8dde3", [2, 5], 1.25);
  for (const landmark of scene.landmarks) drawLandmark(context, scene, landmark);
  scene.points.forEach((point, index) => drawPoint(context, scene, point, index + 1));
  if (scene.cursor) drawCursor(context, scene);
  drawScaleBar(context, scene);
  drawOrientation(context, scene);
}

function drawBackground(context, scene) {
  if (scene.photograph && scene.photographKind !== "hidden") {
    drawLevels(context, scene, scene.photograph.levels(scene.photographKind));
    return;
  }
  const [top, left] = toStage(scene.view, scene.frame, [-0.5, -0.5]);
  const scale = scaleOf(scene.view, scene.frame);
  context.fillStyle = NEUTRAL;
  context.fillRect(left, top, scene.frame.width * scale, scene.frame.height * scale);
}

/** The visible part of a picture from the smallest level that still has a pixel for each pixel of the screen. */
function drawLevels(context, scene, levels) {
  const { frame, view, ratio } = scene;
  const devicePerNative = scaleOf(view, frame) * ratio;
  const perPixel = (level) => (devicePerNative * frame.width) / level.width;
  let level = levels[0];
  for (const smaller of levels) if (perPixel(smaller) <= 1) level = smaller;
  const stepY = frame.height / level.height, stepX = frame.width / level.width;
  const [y0, x0] = toNative(view, frame, [0, 0]);
  const [y1, x1] = toNative(view, frame, [frame.stageHeight, frame.stageWidth]);
  const u0 = Math.max(0, Math.floor((x0 + 0.5) / stepX) - 1), u1 = Math.min(level.width, Math.ceil((x1 + 0.5) / stepX) + 1);
  const v0 = Math.max(0, Math.floor((y0 + 0.5) / stepY) - 1), v1 = Math.min(level.height, Math.ceil((y1 + 0.5) / stepY) + 1);
  if (u1 <= u0 || v1 <= v0) return;
  const [top, left] = toStage(view, frame, [v0 * stepY - 0.5, u0 * stepX - 0.5]);
  const scale = scaleOf(view, frame);
  context.imageSmoothingEnabled = perPixel(levels[0]) < PIXELS_FROM * ratio;
  context.drawImage(level, u0, v0, u1 - u0, v1 - v0, left, top, (u1 - u0) * stepX * scale, (v1 - v0) * stepY * scale);
}

/** Outline of a mask as the current path of the context, without what is off the stage. */
function tracePath(context, scene, mask) {
  const { frame, view } = scene;
  const scale = scaleOf(view, frame);
  const [y0, x0] = toNative(view, frame, [0, 0]);
  const [y1, x1] = toNative(view, frame, [frame.stageHeight, frame.stageWidth]);
  const [shiftY, shiftX] = toStage(view, frame, [0, 0]);
  context.beginPath();
  for (const piece of mask.outline(scale)) {
    if (piece.x1 < x0 || piece.x0 > x1 || piece.y1 < y0 || piece.y0 > y1) continue;
    const xy = piece.xy;
    context.moveTo(xy[0] * scale + shiftX, xy[1] * scale + shiftY);
    for (let i = 2; i < xy.length; i += 2) context.lineTo(xy[i] * scale + shiftX, xy[i + 1] * scale + shiftY);
  }
  context.lineJoin = "round";
}

/** What a colour needs around it to be seen on any ground: light around the dark ones, dark around the light ones. */
export function haloOf(colour) {
  const [red, green, blue] = [1, 3, 5].map((at) => (parseInt(colour.slice(at, at + 2), 16) / 255) ** 2.2);
  return 0.2126 * red + 0.7152 * green + 0.0722 * blue < 0.25 ? "rgba(255, 255, 255, 0.75)" : HALO;
}

/** A thin edge under a fill: a red artery on a red ground has to be told from it. Thin vessels get a thinner one. */
function strokeCasing(context, scene, mask, colour) {
  tracePath(context, scene, mask);
  context.strokeStyle = haloOf(colour);
  context.lineWidth = Math.min(1.8, 0.25 + 0.75 * scaleOf(scene.view, scene.frame));
  context.stroke();
}

/** A line of constant width on the stage, over a halo that keeps it visible on any ground. */
function strokeOutline(context, scene, mask, colour, dash, width) {
  tracePath(context, scene, mask);
  context.strokeStyle = haloOf(colour);
  context.lineWidth = width + 1.5;
  context.stroke();
  context.setLineDash(dash);
  context.strokeStyle = colour;
  context.lineWidth = width;
  context.stroke();
  context.setLineDash([]);
}

function strokeTwice(context, draw, width) {
  for (const [style, extra] of [[HALO, 2], [INK, 0]]) {
    context.beginPath();
    draw();
    context.strokeStyle = style;
    context.lineWidth = width + extra;
    context.stroke();
  }
}

function label(context, text, left, top, align = "left", size = 12) {
  context.font = `600 ${size}px ${FONT}`;
  context.textAlign = align;
  context.textBaseline = "middle";
  context.lineJoin = "round";
  context.strokeStyle = HALO;
  context.lineWidth = 3;
  context.strokeText(text, left, top);
  context.fillStyle = INK;
  context.fillText(text, left, top);
}

/** A cross with its name; the fovea's is turned, so that the two differ by shape too. */
function drawLandmark(context, scene, landmark) {
  const [top, left] = toStage(scene.view, scene.frame, landmark.yx);
  const arms = landmark.turned ? [[5, 5], [5, -5]] : [[0, 7], [7, 0]];
  strokeTwice(context, () => {
    for (const [dy, dx] of arms) {
      context.moveTo(left - dx, top - dy);
      context.lineTo(left + dx, top + dy);
    }
  }, 1.5);
  context.font = `600 12px ${FONT}`;
  const fits = left + 15 + context.measureText(landmark.label).width < scene.frame.stageWidth;
  label(context, landmark.label, fits ? left + 11 : left - 11, top - 10, fits ? "left" : "right");
}

function drawPoint(context, scene, point, ordinal) {
  const [top, left] = toStage(scene.view, scene.frame, point);
  strokeTwice(context, () => context.arc(left, top, 6, 0, 2 * Math.PI), 1.5);
  context.beginPath();
  context.arc(left, top, 1.6, 0, 2 * Math.PI);
  context.fillStyle = INK;
  context.fill();
  label(context, String(ordinal), left + 10, top + 9);
}

/** The middle of the stage, where the read-out looks while the keyboard drives. */
function drawCursor(context, scene) {
  const top = scene.frame.stageHeight / 2, left = scene.frame.stageWidth / 2;
  strokeTwice(context, () => {
    for (const [dy, dx] of [[-1, 0], [1, 0], [0, -1], [0, 1]]) {
      context.moveTo(left + 4 * dx, top + 4 * dy);
      context.lineTo(left + 12 * dx, top + 12 * dy);
    }
  }, 1.25);
}

function drawScaleBar(context, scene) {
  const scale = scaleOf(scene.view, scene.frame);
  const bar = scaleBar(scene.info, scale, Math.min(140, scene.frame.stageWidth / 4));
  const length = bar.pixels * scale, left = 14, top = scene.frame.stageHeight - 16;
  strokeTwice(context, () => {
    context.moveTo(left, top - 4);
    context.lineTo(left, top);
    context.lineTo(left + length, top);
    context.lineTo(left + length, top - 4);
  }, 1.5);
  label(context, bar.label, left + length / 2, top - 10, "center", 11);
}

/** T, N, S and I at the edges, where the side of the eye is known: nasal is image-right in a right eye. */
function drawOrientation(context, scene) {
  const { stageHeight, stageWidth } = scene.frame;
  const sides = { OD: ["T", "N"], OS: ["N", "T"] }[scene.info.laterality];
  if (!sides) return;
  context.globalAlpha = 0.85;
  label(context, sides[0], 12, stageHeight / 2, "center");
  label(context, sides[1], stageWidth - 12, stageHeight / 2, "center");
  label(context, "S", stageWidth / 2, 14, "center");
  label(context, "I", stageWidth / 2, stageHeight - 14, "center");
  context.globalAlpha = 1;
}
