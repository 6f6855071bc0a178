import { useCallback, useEffect, useLayoutEffect, useRef, useState } from 'react';
import { begin, fit, pan, zoom, type Size, type View } from './viewport';

interface Options {
  picture: Parameters<typeof begin>[0];
  /** Wheel and drag belong to the page, not to the picture. */
  still?: boolean;
}

/** Pan and zoom of a picture: wheel, drag, pinch and keys. */
export function useViewport({ picture, still }: Options) {
  const root = useRef<HTMLDivElement>(null);
  const [size, setSize] = useState<Size>({ width: 0, height: 0 });
  const [view, setView] = useState<View>({ x: 0, y: 0, scale: 1 });
  const touched = useRef(false);
  const pointers = useRef(new Map<number, { x: number; y: number }>());
  const [dragging, setDragging] = useState(false);

  useLayoutEffect(() => {
    const element = root.current;
    if (!element) return;
    const measure = () => setSize({ width: element.clientWidth, height: element.clientHeight });
    measure();
    const observer = new ResizeObserver(measure);
    observer.observe(element);
    return () => observer.disconnect();
  }, []);

  const { width, height, nodes } = picture;
  const fitAll = useCallback(() => {
    touched.current = true;
    setView(fit({ width, height }, size));
  }, [width, height, size]);

  // A new picture or window is fitted until the reader has moved it.
  useLayoutEffect(() => {
    if (size.width === 0 || touched.current) return;
    setView(still ? fit({ width, height }, size) : begin({ width, height, nodes }, size));
  }, [width, height, nodes, size, still]);

  const change = useCallback((next: (view: View) => View) => {
    touched.current = true;
    setView(next);
  }, []);
  const zoomBy = useCallback(
    (factor: number) => change(before => zoom(before, factor, size.width / 2, size.height / 2)),
    [change, size],
  );

  useEffect(() => {
    const element = root.current;
    if (!element || still) return;
    const onWheel = (event: WheelEvent) => {
      event.preventDefault();
      const box = element.getBoundingClientRect();
      const step = event.deltaMode === 1 ? 18 : 1;
      if (event.shiftKey) change(before => pan(before, -event.deltaY * step, 0));
      else {
        const factor = Math.exp(-event.deltaY * step * (event.ctrlKey ? 0.01 : 0.0016));
        change(before => zoom(before, factor, event.clientX - box.left, event.clientY - box.top));
      }
    };
    element.addEventListener('wheel', onWheel, { passive: false });
    return () => element.removeEventListener('wheel', onWheel);
  }, [change, still]);

  const onPointerDown = (event: React.PointerEvent) => {
    if (still || event.button !== 0) return;
    pointers.current.set(event.pointerId, { x: event.clientX, y: event.clientY });
  };
  const onPointerMove = (event: React.PointerEvent) => {
    const before = pointers.current.get(event.pointerId);
    if (!before) return;
    const now = { x: event.clientX, y: event.clientY };
    const moved = Math.hypot(now.x - before.x, now.y - before.y);
    if (!dragging && pointers.current.size === 1) {
      // A click with a trembling hand stays a click.
      if (moved < 4) return;
      setDragging(true);
      event.currentTarget.setPointerCapture(event.pointerId);
    }
    const other = [...pointers.current].find(([id]) => id !== event.pointerId)?.[1];
    pointers.current.set(event.pointerId, now);
    if (!other) change(view => pan(view, now.x - before.x, now.y - before.y));
    else {
      const box = event.currentTarget.getBoundingClientRect();
      const factor =
        Math.hypot(now.x - other.x, now.y - other.y) /
        (Math.hypot(before.x - other.x, before.y - other.y) || 1);
      change(view => zoom(view, factor, other.x - box.left, other.y - box.top));
    }
  };
  const onPointerUp = (event: React.PointerEvent) => {
    pointers.current.delete(event.pointerId);
    if (pointers.current.size === 0) setTimeout(() => setDragging(false));
  };
  const onKeyDown = (event: React.KeyboardEvent) => {
    if (event.ctrlKey || event.metaKey || event.altKey) return;
    const move = {
      ArrowLeft: [60, 0],
      ArrowRight: [-60, 0],
      ArrowUp: [0, 60],
      ArrowDown: [0, -60],
    }[event.key];
    if (move) change(before => pan(before, move[0] ?? 0, move[1] ?? 0));
    else if (event.key === '+' || event.key === '=') zoomBy(1.25);
    else if (event.key === '-') zoomBy(0.8);
    else if (event.key === '0') fitAll();
    else return;
    event.preventDefault();
  };

  const handlers = { onPointerDown, onPointerMove, onPointerUp, onPointerCancel: onPointerUp };
  return { root, size, view, change, zoomBy, fitAll, dragging, handlers, onKeyDown };
}
