// What is at a point, in words: position, distances from disc and fovea, structures. Pure functions.

const number = (value, digits) => value.toFixed(digits);

/** A length in native pixels, in the units that are known: disc diameters, micrometres, or pixels only. */
export function lengthText(pixels, info) {
  const parts = [];
  if (info.disc_diameter_px) parts.push(`${number(pixels / info.disc_diameter_px, 2)} DD`);
  if (info.um_per_pixel) parts.push(`${Math.round(pixels * info.um_per_pixel)} µm`);
  if (!parts.length) parts.push(`${number(pixels, pixels < 10 ? 1 : 0)} px`);
  return parts.join(" · ");
}

function fromPoint(name, point, y, x, info, otherwise) {
  return point ? `${name} ${lengthText(Math.hypot(y - point[0], x - point[1]), info)}` : otherwise;
}

export function insidePicture(info, y, x) {
  return y >= -0.5 && x >= -0.5 && y < info.height - 0.5 && x < info.width - 0.5;
}

/** { position, disc, fovea, names } of a native point, or null outside the picture. `layers` have name and mask. */
export function readAt(info, layers, y, x) {
  if (!insidePicture(info, y, x)) return null;
  const row = Math.round(y), column = Math.round(x);
  return {
    position: `y ${row}, x ${column} px`,
    disc: fromPoint("disc", info.disc_yx, row, column, info, info.disc_missing),
    fovea: fromPoint("fovea", info.fovea_yx, row, column, info, "no fovea"),
    layers: layers.filter((layer) => layer.mask?.contains(row, column)),
  };
}

/** The same as one sentence, for the status line and screen readers. */
export function sentence(reading) {
  if (!reading) return "Outside the picture";
  const found = reading.layers.map((layer) => layer.label).join(", ") || "no structure";
  return `${reading.position}; ${reading.disc}; ${reading.fovea}; ${found}`;
}

/** A round length for a scale bar of at most `maxPixels` on the stage: { pixels (native), label }. */
export function scaleBar(info, scale, maxPixels) {
  const units = info.um_per_pixel
    ? { native: 1 / info.um_per_pixel, label: (n) => (n >= 1000 ? `${n / 1000} mm` : `${n} µm`) }
    : info.disc_diameter_px
      ? { native: info.disc_diameter_px, label: (n) => `${n} DD` }
      : { native: 1, label: (n) => `${n} px` };
  const most = maxPixels / scale / units.native;
  const power = 10 ** Math.floor(Math.log10(most));
  const step = [5, 2, 1].find((m) => m * power <= most) ?? 1;
  const length = Number((step * power).toPrecision(1));
  return { pixels: length * units.native, label: units.label(length) };
}
