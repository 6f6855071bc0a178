import { useEffect, type RefObject } from 'react';
import { toggleStar } from '@/catalog/personal';

/** True while keys belong to something else: a text field, an open dialog, a shortcut of the browser. */
export function keysTaken(event: KeyboardEvent): boolean {
  if (event.defaultPrevented || event.metaKey || event.ctrlKey || event.altKey) return true;
  const target = event.target as HTMLElement;
  if (target.closest('input, textarea, select, [contenteditable], dialog, .pop')) return true;
  return document.querySelector('dialog[open]') !== null;
}

/**
 * Keys of the list: j/k or arrows move the focus between rows, Enter opens (rows
 * are links), s stars the row, / goes to the text filter.
 */
export function useRowKeys(textField: RefObject<HTMLInputElement>) {
  useEffect(() => {
    const onKey = (event: KeyboardEvent) => {
      if (keysTaken(event)) return;
      const links = [...document.querySelectorAll<HTMLElement>('.table .row-link')];
      const row = document.activeElement?.closest('tr');
      const at = links.findIndex(link => row?.contains(link));
      const move = (to: number) => {
        event.preventDefault();
        const link = links[Math.max(0, Math.min(links.length - 1, to))];
        link?.focus({ preventScroll: true });
        link?.closest('tr')?.scrollIntoView({ block: 'nearest' });
      };
      switch (event.key) {
        case '/':
          event.preventDefault();
          textField.current?.select();
          textField.current?.focus();
          return;
        case 'j':
          return move(at + 1);
        case 'k':
          return move(at < 0 ? 0 : at - 1);
        // The arrows scroll the page until a row has the focus.
        case 'ArrowDown':
          return at >= 0 ? move(at + 1) : undefined;
        case 'ArrowUp':
          return at >= 0 ? move(at - 1) : undefined;
        case 's': {
          const ref = links[at]?.dataset.ref;
          if (ref) toggleStar(ref);
          return;
        }
      }
    };
    document.addEventListener('keydown', onKey);
    return () => document.removeEventListener('keydown', onKey);
  }, [textField]);
}
