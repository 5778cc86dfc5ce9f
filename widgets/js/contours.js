// Outlines of a mask as polylines, traced in the browser so that only the mask travels.

const PIECE = 128; // vertices to a piece: small enough to skip what is off the stage

/** Bits of a mask, eight pixels to a byte, with a test for one pixel; outside the picture there is nothing. */
export function packBits(rgba, height, width, onValue) {
  const bits = new Uint8Array((height * width + 7) >> 3);
  for (let i = 0, p = 0; p < rgba.length; i++, p += 4) if (rgba[p + 3] >= onValue) bits[i >> 3] |= 1 << (i & 7);
  return { bits, height, width };
}

export function isOn(mask, row, column) {
  if (row < 0 || column < 0 || row >= mask.height || column >= mask.width) return false;
  const i = row * mask.width + column;
  return ((mask.bits[i >> 3] >> (i & 7)) & 1) === 1;
}

/** Closed walks along the pixel edges, the mask on the right hand; each is a flat list x0, y0, x1, y1, ... of the middles
 * of edges, or of their ends if `exact`, in corner coordinates (pixel (r, c) spans c .. c + 1, r .. r + 1). */
function walks(mask, exact) {
  const { height, width } = mask;
  const seen = new Uint8Array((height * width + 7) >> 3); // upward edges (left sides of pixels) already walked
  const found = [];
  for (let row = 0; row < height; row++) {
    for (let column = 0; column < width; column++) {
      const i = row * width + column;
      if ((i & 7) === 0 && mask.bits[i >> 3] === 0 && column + 8 <= width) { column += 7; continue; }
      if (!isOn(mask, row, column) || isOn(mask, row, column - 1)) continue;
      if ((seen[i >> 3] >> (i & 7)) & 1) continue;
      found.push(walk(mask, seen, row, column, exact ? 0 : 0.5));
    }
  }
  return found;
}

const STEPS = [[-1, 0], [0, 1], [1, 0], [0, -1]]; // (y, x) of the directions up, right, down, left

function walk(mask, seen, startRow, startColumn, part) {
  const points = [];
  let y = startRow + 1, x = startColumn, direction = 0; // the corner an edge starts from
  do {
    const [down, right] = STEPS[direction];
    if (direction === 0) {
      const i = (y - 1) * mask.width + x;
      seen[i >> 3] |= 1 << (i & 7);
    }
    points.push(x + part * right, y + part * down);
    y += down;
    x += right;
    direction = turn(mask, y, x, direction);
  } while (y !== startRow + 1 || x !== startColumn || direction !== 0);
  return points;
}

// Pixel ahead on the right and on the left of a corner, as (row, column) steps, by direction.
const AHEAD_RIGHT = [[-1, 0], [0, 0], [0, -1], [-1, -1]];
const AHEAD_LEFT = [[-1, -1], [-1, 0], [0, 0], [0, -1]];

/** The next direction at a corner: pixels that touch only by a corner stay apart. */
function turn(mask, y, x, direction) {
  const right = AHEAD_RIGHT[direction], left = AHEAD_LEFT[direction];
  if (!isOn(mask, y + right[0], x + right[1])) return (direction + 1) & 3;
  return isOn(mask, y + left[0], x + left[1]) ? (direction + 3) & 3 : direction;
}

/** Douglas-Peucker on points first .. last of a flat list; marks what to keep. */
function keepFar(points, first, last, tolerance, keep) {
  const stack = [[first, last]];
  while (stack.length) {
    const [a, b] = stack.pop();
    const ax = points[2 * a], ay = points[2 * a + 1], dx = points[2 * b] - ax, dy = points[2 * b + 1] - ay;
    const length = Math.hypot(dx, dy);
    let worst = -1, distance = tolerance;
    for (let i = a + 1; i < b; i++) {
      const px = points[2 * i] - ax, py = points[2 * i + 1] - ay;
      const d = length > 0 ? Math.abs(px * dy - py * dx) / length : Math.hypot(px, py);
      if (d > distance) { distance = d; worst = i; }
    }
    if (worst > 0) { keep[worst] = 1; stack.push([a, worst], [worst, b]); }
  }
}

/** Pieces of outline in native pixels, each with its bounding box: { xy: Float32Array, x0, y0, x1, y1 }.
 *
 * `tolerance` is in mask pixels; `stepY`, `stepX` are native pixels per mask pixel; `exact` follows every pixel's edge. */
export function outlinePieces(mask, tolerance, stepY, stepX, exact = false) {
  const pieces = [];
  for (const points of walks(mask, exact)) {
    points.push(points[0], points[1]);
    const n = points.length / 2, keep = new Uint8Array(n);
    for (let first = 0; first < n - 1; first += PIECE) {
      const last = Math.min(first + PIECE, n - 1);
      keep[first] = keep[last] = 1;
      keepFar(points, first, last, tolerance, keep);
      pieces.push(toPiece(points, first, last, keep, stepY, stepX));
    }
  }
  return pieces;
}

function toPiece(points, first, last, keep, stepY, stepX) {
  const xy = [];
  let x0 = Infinity, y0 = Infinity, x1 = -Infinity, y1 = -Infinity;
  for (let i = first; i <= last; i++) {
    if (!keep[i]) continue;
    const x = points[2 * i] * stepX - 0.5, y = points[2 * i + 1] * stepY - 0.5;
    xy.push(x, y);
    x0 = Math.min(x0, x); y0 = Math.min(y0, y); x1 = Math.max(x1, x); y1 = Math.max(y1, y);
  }
  return { xy: Float32Array.from(xy), x0, y0, x1, y1 };
}
