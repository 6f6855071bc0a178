import { useQuery } from '@tanstack/react-query';
import { useDeferredValue, useId, useState } from 'react';
import { byQuery } from '@/api/catalog';
import type { Entity } from '@/api/types';
import { KindIcon } from '@/catalog/kinds';
import { formatRef, refOf, titleOf } from '@/catalog/ref';
import { SearchField } from '@/kit/kit';
import { fullRef } from './state';

interface RefPickerProps {
  label: string;
  placeholder: string;
  /** The ref that is chosen, or empty. */
  value: string;
  /** The kind of what is found and of names that are typed; any kind without. */
  kind?: string;
  onPick: (ref: string) => void;
}

const found = (term: string, kind: string | undefined) =>
  byQuery({
    body: {
      fields: ['kind', 'metadata.name', 'metadata.namespace', 'metadata.title', 'spec.profile'],
      orderBy: [{ field: 'metadata.name', order: 'asc' }],
      ...(kind && { query: { kind } }),
      ...(term && {
        fullTextFilter: {
          term,
          fields: ['metadata.name', 'metadata.title', 'spec.profile.displayName'],
        },
      }),
      limit: 8,
    },
  });

/** A field for a ref: what is typed is looked up, and may also be a ref itself. */
export function RefPicker({ label, placeholder, value, kind, onPick }: RefPickerProps) {
  const [text, setText] = useState(value);
  const [settled, setSettled] = useState(value);
  const [open, setOpen] = useState(false);
  const [at, setAt] = useState(-1);
  const id = useId();
  if (settled !== value) {
    setSettled(value);
    setText(value);
  }
  const term = useDeferredValue(text === value ? '' : text.trim());
  const query = useQuery({
    ...found(term, kind),
    enabled: open,
    placeholderData: before => before,
  });
  const options: Entity[] = open ? (query.data?.items ?? []) : [];
  const pick = (ref: string) => {
    setOpen(false);
    setAt(-1);
    setText(ref);
    setSettled(value);
    if (ref !== value) onPick(ref);
  };
  const onKeyDown = (event: React.KeyboardEvent<HTMLInputElement>) => {
    const step = { ArrowDown: 1, ArrowUp: -1 }[event.key];
    if (step) {
      event.preventDefault();
      setOpen(true);
      if (options.length) setAt((at + step + options.length) % options.length);
    }
    if (event.key === 'Escape' && open) {
      event.preventDefault();
      setOpen(false);
      setAt(-1);
    }
    if (event.key !== 'Enter') return;
    event.preventDefault();
    const chosen = options[at];
    if (chosen) pick(formatRef(refOf(chosen)));
    else if (text.trim()) pick(fullRef(text, kind ?? 'component') || value);
  };
  return (
    <div
      className="ref-picker"
      onBlur={event => {
        if (!event.currentTarget.contains(event.relatedTarget)) setOpen(false);
      }}
    >
      <SearchField
        label={label}
        placeholder={placeholder}
        value={text}
        onChange={next => {
          setText(next);
          setOpen(true);
          setAt(-1);
        }}
        role="combobox"
        aria-expanded={open && options.length > 0}
        aria-controls={id}
        aria-autocomplete="list"
        aria-activedescendant={at >= 0 ? `${id}-${at}` : undefined}
        onFocus={event => event.currentTarget.select()}
        onClick={() => setOpen(true)}
        onKeyDown={onKeyDown}
      />
      <ul
        className="pop ref-options"
        role="listbox"
        id={id}
        aria-label={label}
        hidden={!open || options.length === 0}
      >
        {options.map((item, index) => {
          const ref = formatRef(refOf(item));
          return (
            // Keys are handled by the field, which keeps the focus.
            // eslint-disable-next-line jsx-a11y/click-events-have-key-events
            <li
              key={ref}
              id={`${id}-${index}`}
              className="menu-item"
              role="option"
              aria-selected={index === at}
              onPointerDown={event => event.preventDefault()}
              onClick={() => pick(ref)}
            >
              <KindIcon kind={item.kind} size={15} />
              <span>{titleOf(item)}</span>
              <span className="facet-count">{ref}</span>
            </li>
          );
        })}
      </ul>
    </div>
  );
}
