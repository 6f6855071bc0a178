import { useQuery } from '@tanstack/react-query';
import { IconCheck, IconChevronDown } from '@tabler/icons-react';
import { useRef, useState } from 'react';
import { facets } from '@/api/catalog';
import { parseRef, shortRef } from '@/catalog/ref';
import { SearchField } from '@/kit/kit';
import { moveFocus, Popover } from '@/kit/Popover';
import { mergeOptions, narrow, type Option } from './options';
import { facetFields, facetRequest, type Viewer } from './query';
import { toggled, type CatalogState, type FacetName } from './state';

interface FacetFilterProps {
  name: FacetName;
  label: string;
  state: CatalogState;
  viewer: Viewer;
  onChange: (values: string[]) => void;
}

/** What people read for a value: an owner is a name, not a ref. */
function labelOf(name: FacetName, value: string): string {
  return name === 'owners' ? shortRef(parseRef(value, { kind: 'group' }), 'group') : value;
}

/** A filter button with its list of values and how many entities each would leave. */
export function FacetFilter({ name, label, state, viewer, onChange }: FacetFilterProps) {
  const picked = state.picked[name];
  const request = facetRequest(name, state, viewer);
  const query = useQuery({
    ...facets(request ?? { facets: [] }),
    enabled: request !== undefined,
    placeholderData: before => before,
  });
  const options = mergeOptions(query.data?.facets[facetFields[name]] ?? [], picked);
  const summary = picked[0] && labelOf(name, picked[0]);

  return (
    <Popover
      label={`Filter by ${label.toLowerCase()}`}
      className="pop-sheet facet"
      trigger={props => (
        <button
          {...props}
          type="button"
          className="facet-btn"
          data-active={picked.length > 0 || undefined}
        >
          <span className="facet-name">{label}</span>
          {summary && <span className="facet-value">{summary}</span>}
          {picked.length > 1 && <span className="facet-more">+{picked.length - 1}</span>}
          <IconChevronDown size={14} aria-hidden />
        </button>
      )}
    >
      {() => (
        <FacetOptions
          name={name}
          label={label}
          options={options}
          // Counts know nothing of the text filter; a wrong number is worse than none.
          counted={state.text === ''}
          loading={query.isPending && request !== undefined}
          picked={picked}
          onChange={onChange}
        />
      )}
    </Popover>
  );
}

interface FacetOptionsProps {
  name: FacetName;
  label: string;
  options: Option[];
  counted: boolean;
  loading: boolean;
  picked: string[];
  onChange: (values: string[]) => void;
}

function FacetOptions(props: FacetOptionsProps) {
  const { name, label, options, picked, onChange } = props;
  const [text, setText] = useState('');
  const root = useRef<HTMLDivElement>(null);
  const { shown, hidden } = narrow(options, text, value => labelOf(name, value));
  return (
    // Arrow keys walk through the checkboxes inside.
    // eslint-disable-next-line jsx-a11y/no-static-element-interactions
    <div ref={root} onKeyDown={event => moveFocus(event, root.current, 'input')}>
      {options.length > 8 && (
        <SearchField
          label={`Find ${label.toLowerCase()}`}
          placeholder="Find…"
          value={text}
          onChange={setText}
        />
      )}
      <div className="facet-list">
        {props.loading && <span className="facet-note">Loading…</span>}
        {!props.loading && shown.length === 0 && <span className="facet-note">No match</span>}
        {shown.map(option => (
          <label key={option.value} className="facet-option">
            <input
              type="checkbox"
              className="vh"
              checked={option.picked}
              onChange={() => onChange(toggled(picked, option.value))}
            />
            <span className="check" aria-hidden>
              {option.picked && <IconCheck size={12} stroke={3} />}
            </span>
            <span className="facet-label">{labelOf(name, option.value)}</span>
            {props.counted && (
              <span className="facet-count num">{option.count.toLocaleString('en')}</span>
            )}
          </label>
        ))}
        {hidden > 0 && <span className="facet-note">{hidden} more; type to find them</span>}
      </div>
      {picked.length > 0 && (
        <button type="button" className="menu-item facet-clear" onClick={() => onChange([])}>
          Clear {label.toLowerCase()}
        </button>
      )}
    </div>
  );
}
