// Decoding: image bytes to canvases at several sizes, mask bytes to bits, fill and outline.

import { isOn, outlinePieces, packBits, walkEdges } from "./contours.js";
import { PIXELS_FROM } from "./view.js";

const SMALLEST_LEVEL = 256;

function canvasOf(height, width) {
  const canvas = document.createElement("canvas");
  canvas.height = height;
  canvas.width = width;
  return canvas;
}

function decode(bytes, type) {
  return createImageBitmap(new Blob([bytes], { type }), { colorSpaceConversion: "none" });
}

/** RGBA bytes of a picture, read from a canvas that the processor owns: no copy back from a graphics card. */
function pixelsOf(picture) {
  const context = canvasOf(picture.height, picture.width).getContext("2d", { willReadFrequently: true });
  context.drawImage(picture, 0, 0);
  return context.getImageData(0, 0, picture.width, picture.height);
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
  const pixels = pixelsOf(source);
  const data = pixels.data;
  for (let p = 0; p < data.length; p += 4) data[p] = data[p + 2] = data[p + 1];
  const canvas = canvasOf(source.height, source.width);
  canvas.getContext("2d").putImageData(pixels, 0, 0);
  return canvas;
}

/** One mask: levels to draw it as fill. `prepare` reads its pixels, after which it can be asked what it contains and
 * drawn as outline; that takes longer, so it waits until everything has been seen once. */
export async function loadMask(bytes, info) {
  const picture = await decode(bytes, "image/png");
  const { height, width } = picture;
  const stepY = info.height / height, stepX = info.width / width;
  const outlines = new Map();
  let bits = null, walks = [];
  return {
    levels: pyramid(picture),
    prepare() {
      bits = packBits(pixelsOf(picture).data, height, width);
      walks = walkEdges(bits);
      outlines.clear();
    },
    contains: (y, x) => bits !== null && isOn(bits, Math.floor((y + 0.5) / stepY), Math.floor((x + 0.5) / stepX)),
    /** Pieces fit for a scale in CSS pixels per native pixel: coarse where detail would not be seen, pixel by pixel
     * where pixels are. */
    outline(scale) {
      const size = scale * stepX;
      const [tolerance, exact] = size < 0.6 ? [0.9, false] : size < PIXELS_FROM ? [0.6, false] : [0, true];
      if (!outlines.has(tolerance)) outlines.set(tolerance, outlinePieces(walks, tolerance, stepY, stepX, exact));
      return outlines.get(tolerance);
    },
  };
}
