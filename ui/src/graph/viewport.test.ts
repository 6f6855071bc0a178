import { describe, expect, it } from 'vitest';
import { begin, center, curve, fit, maxScale, middle, reveal, zoom } from './viewport';

const window = { width: 800, height: 400 };

describe('viewport', () => {
  it('fits a large picture and does not enlarge a small one', () => {
    expect(fit({ width: 1600, height: 400 }, window, 0)).toEqual({ x: 0, y: -200, scale: 0.5 });
    expect(fit({ width: 100, height: 100 }, window).scale).toBe(1);
  });

  it('begins at the root where the whole would be too small', () => {
    const nodes = [{ x: 2000, y: 100, root: true }];
    expect(begin({ width: 4000, height: 200, nodes }, window)).toEqual(
      center({ x: 2000, y: 100 }, 0.62, window),
    );
    expect(begin({ width: 900, height: 200, nodes }, window).scale).toBeGreaterThan(0.62);
  });

  it('keeps what is under the pointer while zooming', () => {
    const view = zoom({ x: 10, y: 20, scale: 1 }, 2, 100, 50);
    expect(view.x + 100 / view.scale).toBe(110);
    expect(view.y + 50 / view.scale).toBe(70);
    expect(zoom(view, 100, 0, 0).scale).toBe(maxScale);
  });

  it('reveals a node with the least move', () => {
    const view = center({ x: 400, y: 200 }, 1, window);
    const inside = { x: 400, y: 200, width: 100, height: 40 };
    expect(reveal(view, inside, window)).toEqual(view);
    expect(reveal(view, { ...inside, x: 900 }, window, 0).x).toBe(150);
  });

  it('draws lines', () => {
    const points = [
      { x: 0, y: 0 },
      { x: 10, y: 4 },
    ];
    expect(curve(points, false)).toBe('M0 0C5 0 5 4 10 4');
    expect(middle(points)).toEqual({ x: 5, y: 2 });
  });
});
