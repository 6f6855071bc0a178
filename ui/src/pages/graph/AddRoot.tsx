import { useQuery } from '@tanstack/react-query';
import { IconPlus } from '@tabler/icons-react';
import { useDeferredValue, useRef, useState } from 'react';
import { byQuery } from '@/api/catalog';
import { KindIcon } from '@/catalog/kinds';
import { formatRef, refOf, titleOf } from '@/catalog/ref';
import { SearchField } from '@/kit/kit';
import { moveFocus, Popover } from '@/kit/Popover';

interface AddRootProps {
  label: string;
  onPick: (ref: string) => void;
}

/** Picks an entity by typing a part of its name. */
export function AddRoot({ label, onPick }: AddRootProps) {
  return (
    <Popover
      label="Pick an entity"
      className="root-pop"
      trigger={props => (
        <button {...props} type="button" className="btn">
          <IconPlus size={14} aria-hidden />
          {label}
        </button>
      )}
    >
      {close => (
        <Picker
          onPick={ref => {
            close();
            onPick(ref);
          }}
        />
      )}
    </Popover>
  );
}

function Picker({ onPick }: { onPick: (ref: string) => void }) {
  const [text, setText] = useState('');
  const term = useDeferredValue(text.trim());
  const list = useRef<HTMLDivElement>(null);
  const { data } = useQuery({
    ...byQuery({
      body: {
        fields: ['kind', 'metadata.name', 'metadata.namespace', 'metadata.title', 'spec.profile'],
        orderBy: [{ field: 'metadata.name', order: 'asc' }],
        ...(term && {
          fullTextFilter: { term, fields: ['metadata.name', 'metadata.title'] },
        }),
        limit: 12,
      },
    }),
    placeholderData: before => before,
  });
  return (
    // Arrow keys move through what was found.
    // eslint-disable-next-line jsx-a11y/no-static-element-interactions
    <div ref={list} onKeyDown={event => moveFocus(event, list.current, 'input, .menu-item')}>
      <SearchField label="Name" placeholder="Name…" value={text} onChange={setText} />
      <div className="root-list">
        {data?.items.map(item => {
          const ref = formatRef(refOf(item));
          return (
            <button key={ref} type="button" className="menu-item" onClick={() => onPick(ref)}>
              <KindIcon kind={item.kind} size={15} />
              <span>{titleOf(item)}</span>
              <span className="facet-count">{item.kind}</span>
            </button>
          );
        })}
        {data?.items.length === 0 && <p className="facet-note">Nothing has such a name.</p>}
      </div>
    </div>
  );
}
