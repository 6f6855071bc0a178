import { useSyncExternalStore } from 'react';

export type Theme = 'light' | 'dark' | 'system';
export const themes: readonly Theme[] = ['light', 'dark', 'system'];

const cookie = 'stagedoor-theme';
const listeners = new Set<() => void>();

function current(): Theme {
  const set = document.documentElement.dataset.theme;
  return set === 'light' || set === 'dark' ? set : 'system';
}

/**
 * Switches the theme and remembers it in a cookie, not in localStorage: the
 * server reads it and renders the right theme before any script runs.
 */
export function setTheme(theme: Theme) {
  if (theme === 'system') delete document.documentElement.dataset.theme;
  else document.documentElement.dataset.theme = theme;
  document.cookie = `${cookie}=${theme}; Path=/; Max-Age=31536000; SameSite=Lax`;
  listeners.forEach(tell => tell());
}

/** Applies the remembered theme where no server did (a static host, the dev server). */
export function restoreTheme() {
  if (document.documentElement.dataset.theme) return;
  const found = document.cookie.match(new RegExp(`(?:^|; )${cookie}=(light|dark)`))?.[1];
  if (found) document.documentElement.dataset.theme = found;
}

/** Whether the page is dark right now, with "system" resolved. */
export function isDark(): boolean {
  const theme = current();
  return (
    theme === 'dark' || (theme === 'system' && matchMedia('(prefers-color-scheme: dark)').matches)
  );
}

export function useTheme(): Theme {
  return useSyncExternalStore(tell => {
    listeners.add(tell);
    return () => listeners.delete(tell);
  }, current);
}
