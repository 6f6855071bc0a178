import { useEffect, useId, useRef, useState, type ReactNode } from 'react';

interface TriggerProps {
  'aria-expanded': boolean;
  'aria-controls': string | undefined;
  'aria-haspopup': 'menu' | 'dialog';
  onClick: () => void;
  ref: React.RefObject<HTMLButtonElement>;
}

interface PopoverProps {
  /** Draws the button; spread the props onto it. */
  trigger: (props: TriggerProps) => ReactNode;
  children: (close: () => void) => ReactNode;
  label: string;
  role?: 'menu' | 'dialog';
  align?: 'start' | 'end';
  side?: 'bottom' | 'top';
  className?: string;
  onOpen?: () => void;
}

/**
 * A panel that hangs on a button. Escape and a click outside close it; focus
 * moves in on opening and back to the button on Escape. With role "menu" the
 * arrow keys move between items.
 */
export function Popover(props: PopoverProps) {
  const { trigger, children, label, role = 'dialog', align = 'start', side = 'bottom' } = props;
  const [open, setOpen] = useState(false);
  const id = useId();
  const root = useRef<HTMLDivElement>(null);
  const button = useRef<HTMLButtonElement>(null);
  const panel = useRef<HTMLDivElement>(null);

  useEffect(() => {
    if (!open) return;
    const first = panel.current?.querySelector<HTMLElement>('[data-autofocus], input, button, a');
    first?.focus({ preventScroll: true });
    const outside = (event: Event) => {
      if (!root.current?.contains(event.target as Node)) setOpen(false);
    };
    document.addEventListener('pointerdown', outside);
    document.addEventListener('focusin', outside);
    return () => {
      document.removeEventListener('pointerdown', outside);
      document.removeEventListener('focusin', outside);
    };
  }, [open]);

  const close = () => {
    setOpen(false);
    button.current?.focus({ preventScroll: true });
  };

  const onKeyDown = (event: React.KeyboardEvent) => {
    if (event.key === 'Escape') {
      event.stopPropagation();
      close();
    }
    if (role === 'menu') moveFocus(event, panel.current, '[role^="menuitem"]');
  };

  return (
    <div className="pop-root" ref={root}>
      {trigger({
        'aria-expanded': open,
        'aria-controls': open ? id : undefined,
        'aria-haspopup': role,
        ref: button,
        onClick: () => {
          if (!open) props.onOpen?.();
          setOpen(!open);
        },
      })}
      {open && (
        // The panel listens for keys of the controls inside it.
        <div
          id={id}
          ref={panel}
          role={role}
          tabIndex={-1}
          aria-label={label}
          className={`pop ${props.className ?? ''}`}
          data-align={align}
          data-side={side}
          onKeyDown={onKeyDown}
        >
          {children(close)}
        </div>
      )}
    </div>
  );
}

/** Arrow keys, Home and End move the focus among the elements that match. */
export function moveFocus(event: React.KeyboardEvent, root: HTMLElement | null, selector: string) {
  const step = { ArrowDown: 1, ArrowUp: -1, Home: -Infinity, End: Infinity }[event.key];
  if (step === undefined || !root) return;
  const items = [...root.querySelectorAll<HTMLElement>(selector)];
  if (items.length === 0) return;
  event.preventDefault();
  const at = items.indexOf(document.activeElement as HTMLElement);
  const next = at < 0 ? (step > 0 ? 0 : items.length - 1) : at + step;
  items[Math.max(0, Math.min(items.length - 1, next))]?.focus();
}
