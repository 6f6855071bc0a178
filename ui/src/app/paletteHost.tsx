import { lazy, Suspense, useEffect, useState } from 'react';

const load = () => import('@/palette/CommandPalette');
const CommandPalette = lazy(() => load().then(module => ({ default: module.CommandPalette })));

const listeners = new Set<() => void>();

/** Opens the command palette from anywhere. */
export function openPalette() {
  listeners.forEach(open => open());
}

/** Fetches the palette's code ahead of time, e.g. while the pointer is on its button. */
export function warmPalette() {
  void load();
}

/** Listens for Ctrl-K / Cmd-K and holds the palette, whose code is loaded when first needed. */
export function PaletteHost() {
  const [open, setOpen] = useState(false);

  useEffect(() => {
    const show = () => setOpen(true);
    const onKey = (event: KeyboardEvent) => {
      if ((event.ctrlKey || event.metaKey) && !event.altKey && event.key.toLowerCase() === 'k') {
        event.preventDefault();
        setOpen(before => !before);
      }
    };
    listeners.add(show);
    document.addEventListener('keydown', onKey);
    return () => {
      listeners.delete(show);
      document.removeEventListener('keydown', onKey);
    };
  }, []);

  if (!open) return null;
  return (
    <Suspense fallback={null}>
      <CommandPalette onClose={() => setOpen(false)} />
    </Suspense>
  );
}
