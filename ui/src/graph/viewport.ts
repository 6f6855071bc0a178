/** What part of a picture is seen: its point (x, y) stands at the top left, enlarged by `scale`. */
export interface View {
  x: number;
  y: number;
  scale: number;
}

export interface Size {
  width: number;
  height: number;
}

export const minScale = 0.1;
export const maxScale = 2.5;

const clamp = (scale: number) => Math.min(maxScale, Math.max(minScale, scale));

/** The view that shows the whole picture in the middle, never enlarged. */
export function fit(picture: Size, window: Size, margin = 24): View {
  const room = { width: window.width - 2 * margin, height: window.height - 2 * margin };
  const scale = clamp(
    Math.min(1, room.width / (picture.width || 1), room.height / (picture.height || 1)),
  );
  return center({ x: picture.width / 2, y: picture.height / 2 }, scale, window);
}

const readable = 0.4;

/**
 * Where a picture begins: all of it, or, where that would be too small to read, what
 * is around the node that was asked for.
 */
export function begin(
  picture: Size & { nodes: readonly { x: number; y: number; root?: boolean }[] },
  window: Size,
): View {
  const whole = fit(picture, window);
  const roots = picture.nodes.filter(node => node.root);
  const [root] = roots;
  if (whole.scale >= readable || !root) return whole;
  if (roots.length === 1) return center(root, 0.62, window);
  // Many beginnings: their column at the edge, as many of them as fit.
  const high = Math.max(readable, (window.height - 48) / (picture.height || 1));
  const scale = Math.min(0.62, high);
  return { x: -24 / scale, y: picture.height / 2 - window.height / scale / 2, scale };
}

/** The view with a point of the picture in the middle. */
export function center(point: { x: number; y: number }, scale: number, window: Size): View {
  return {
    x: point.x - window.width / scale / 2,
    y: point.y - window.height / scale / 2,
    scale,
  };
}

/** Enlarges by a factor; what is at (atX, atY) of the window stays there. */
export function zoom(view: View, factor: number, atX: number, atY: number): View {
  const scale = clamp(view.scale * factor);
  return {
    x: view.x + atX / view.scale - atX / scale,
    y: view.y + atY / view.scale - atY / scale,
    scale,
  };
}

/** Moves by a distance in the window. */
export function pan(view: View, dx: number, dy: number): View {
  return { ...view, x: view.x - dx / view.scale, y: view.y - dy / view.scale };
}

/** Moves as little as needed for a node to be seen. */
export function reveal(
  view: View,
  node: { x: number; y: number; width: number; height: number },
  window: Size,
  margin = 20,
): View {
  const shift = (at: number, size: number, from: number, room: number) => {
    const low = (at - size / 2 - from) * view.scale - margin;
    const high = (at + size / 2 - from) * view.scale + margin - room;
    return low < 0 ? low : high > 0 ? high : 0;
  };
  return pan(
    view,
    -shift(node.x, node.width, view.x, window.width),
    -shift(node.y, node.height, view.y, window.height),
  );
}

interface Point {
  x: number;
  y: number;
}

/** A smooth line through points, leaving and arriving along the direction of the picture. */
export function curve(points: readonly Point[], vertical: boolean): string {
  const [first, ...rest] = points;
  if (!first) return '';
  let path = `M${first.x} ${first.y}`;
  let before = first;
  for (const point of rest) {
    const half = vertical ? (point.y - before.y) / 2 : (point.x - before.x) / 2;
    path += vertical
      ? `C${before.x} ${before.y + half} ${point.x} ${point.y - half} ${point.x} ${point.y}`
      : `C${before.x + half} ${before.y} ${point.x - half} ${point.y} ${point.x} ${point.y}`;
    before = point;
  }
  return path;
}

/** Where a label stands: the middle of a line. */
export function middle(points: readonly Point[]): Point {
  const at = (points.length - 1) / 2;
  const a = points[Math.floor(at)] ?? { x: 0, y: 0 };
  const b = points[Math.ceil(at)] ?? a;
  return { x: (a.x + b.x) / 2, y: (a.y + b.y) / 2 };
}
