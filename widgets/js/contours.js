// Outlines of a mask as polylines, traced in the browser so that only the mask travels.

const PIECE = 128; // vertices to a piece: small enough to skip what is off the stage

/** Bits of a mask, eight pixels to a byte, from the opaque pixels of RGBA bytes. */
export function packBits(rgba, height, width) {
  const pixels = new Uint32Array(rgba.buffer, rgba.byteOffset, height * width); // opaque is not zero, clear is
  const bits = new Uint8Array((height * width + 7) >> 3);
  for (let i = 0; i < pixels.length; i++) if (pixels[i] !== 0) bits[i >> 3] |= 1 << (i & 7);
  return { bits, height, width };
}

/** Whether a pixel is in a mask; outside the picture nothing is. */
export function isOn(mask, row, column) {
  if (row < 0 || column < 0 || row >= mask.height || column >= mask.width) return false;
  const i = row * mask.width + column;
  return ((mask.bits[i >> 3] >> (i & 7)) & 1) === 1;
}

// Directions of an edge: 0 up, 1 right, 2 down, 3 left; its step as (y, x).
const STEP_Y = [-1, 0, 1, 0], STEP_X = [0, 1, 0, -1];
// Pixel ahead on the right and on the left of a corner, as (row, column) from the corner, by direction.
const RIGHT_Y = [-1, 0, 0, -1], RIGHT_X = [0, 0, -1, -1];
const LEFT_Y = [-1, -1, 0, 0], LEFT_X = [-1, 0, 0, -1];

/** Closed walks along the pixel edges, the mask on the right hand: each an Int32Array x0, y0, x1, y1, ... of corners
 * (pixel (r, c) spans r .. r + 1, c .. c + 1), one to an edge. Pixels that touch only by a corner stay apart. */
export function walkEdges(mask) {
  const { height, width } = mask, wide = width + 2;
  const grid = new Uint8Array(wide * (height + 2)); // a byte to a pixel and a margin: no test for the border below
  eachPixel(mask, (row, column) => { grid[(row + 1) * wide + column + 1] = 1; });
  const right = STEP_Y.map((_, d) => (RIGHT_Y[d] + 1) * wide + RIGHT_X[d] + 1);
  const left = STEP_Y.map((_, d) => (LEFT_Y[d] + 1) * wide + LEFT_X[d] + 1);
  const walks = [];
  eachPixel(mask, (row, column) => {
    const g = (row + 1) * wide + column + 1;
    // The left side of a pixel that no walk went up yet; 2 marks those that one did.
    if (grid[g] === 1 && grid[g - 1] === 0) walks.push(walkFrom(grid, wide, right, left, row + 1, column));
  });
  return walks;
}

/** Call with the row and column of every pixel of a mask; eight that are off are passed over in one step. */
function eachPixel({ bits, width }, call) {
  for (let at = 0; at < bits.length; at++) {
    for (let byte = bits[at], i = at << 3; byte !== 0; byte >>= 1, i++) {
      if (byte & 1) call(Math.floor(i / width), i % width);
    }
  }
}

function walkFrom(grid, wide, right, left, startY, startX) {
  const corners = [];
  let y = startY, x = startX, direction = 0;
  do {
    corners.push(x, y);
    if (direction === 0) grid[y * wide + x + 1] = 2;
    y += STEP_Y[direction];
    x += STEP_X[direction];
    const corner = y * wide + x;
    if (grid[corner + right[direction]] === 0) direction = (direction + 1) & 3;
    else if (grid[corner + left[direction]] !== 0) direction = (direction + 3) & 3;
  } while (y !== startY || x !== startX || direction !== 0);
  return Int32Array.from(corners);
}

/** The points of a walk, closed: its corners, or the middles of its edges, which run smoother. */
function pointsOf(corners, exact) {
  const n = corners.length, points = new Float32Array(n + 2);
  for (let i = 0; i < n; i++) points[i] = exact ? corners[i] : (corners[i] + corners[(i + 2) % n]) / 2;
  points[n] = points[0];
  points[n + 1] = points[1];
  return points;
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
export function outlinePieces(walks, tolerance, stepY, stepX, exact = false) {
  const pieces = [];
  for (const corners of walks) {
    const points = pointsOf(corners, exact), n = points.length / 2, keep = new Uint8Array(n);
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
