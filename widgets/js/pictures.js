// Decoding: image bytes to canvases at several sizes, mask bytes to bits, fill and outline.

import { isOn, outlinePieces, packBits } from "./contours.js";
import { PIXELS_FROM } from "./view.js";

const SMALLEST_LEVEL = 256;

function canvasOf(height, width) {
  const canvas = document.createElement("canvas");
  canvas.height = height;
  canvas.width = width;
  return canvas;
}

async function decode(bytes, type) {
  const blob = new Blob([bytes], { type });
  const bitmap = await createImageBitmap(blob, { colorSpaceConversion: "none" });
  const canvas = canvasOf(bitmap.height, bitmap.width);
  canvas.getContext("2d").drawImage(bitmap, 0, 0);
  bitmap.close();
  return canvas;
}

/** The picture at full size, half, quarter, ...: drawing a large one small is quick and free of moire. */
function pyramid(full) {
  const levels = [full];
  for (let last = full; Math.max(last.width, last.height) > 2 * SMALLEST_LEVEL; last = levels.at(-1)) {
    const half = canvasOf(Math.ceil(last.height / 2), Math.ceil(last.width / 2));
    half.getContext("2d").drawImage(last, 0, 0, half.width, half.height);
    levels.push(half);
  }
  return levels;
}

/** The photograph with its red-free twin (green channel as grey), made when first asked for. */
export async function loadPhotograph(bytes) {
  const colour = pyramid(await decode(bytes, "image/jpeg"));
  let redFree = null;
  return {
    levels: (kind) => (kind === "red_free" ? (redFree ??= pyramid(greenOf(colour[0]))) : colour),
  };
}

function greenOf(source) {
  const pixels = source.getContext("2d").getImageData(0, 0, source.width, source.height);
  const data = pixels.data;
  for (let p = 0; p < data.length; p += 4) data[p] = data[p + 2] = data[p + 1];
  const canvas = canvasOf(source.height, source.width);
  canvas.getContext("2d").putImageData(pixels, 0, 0);
  return canvas;
}

/** One mask: fill levels for drawing, a test for one native pixel, and outlines traced when first asked for. */
export async function loadMask(bytes, info) {
  const canvas = await decode(bytes, "image/png");
  const { height, width } = canvas;
  const rgba = canvas.getContext("2d").getImageData(0, 0, width, height).data;
  const bits = packBits(rgba, height, width, 128);
  const stepY = info.height / height, stepX = info.width / width;
  const outlines = new Map();
  const levels = pyramid(canvas);
  return {
    levels,
    contains: (y, x) => isOn(bits, Math.floor((y + 0.5) / stepY), Math.floor((x + 0.5) / stepX)),
    /** Pieces fit for a scale in CSS pixels per native pixel: coarse where detail would not be seen, pixel by pixel
     * where pixels are. */
    outline(scale) {
      const size = scale * stepX;
      const [tolerance, exact] = size < 0.6 ? [0.9, false] : size < PIXELS_FROM ? [0.6, false] : [0, true];
      if (!outlines.has(tolerance)) outlines.set(tolerance, outlinePieces(bits, tolerance, stepY, stepX, exact));
      return outlines.get(tolerance);
    },
  };
}
