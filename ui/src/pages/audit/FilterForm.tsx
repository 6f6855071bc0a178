import { useState } from 'react';
import { SearchField } from '@/kit/kit';
import { filterNames, fromField, toField, type FilterName, type Filters } from './state';

/** The filters that are always shown. */
const inSight: ReadonlySet<FilterName> = new Set(['text', 'status', 'severity']);

interface FilterFormProps {
  filters: Filters;
  onChange: (filters: Filters) => void;
}

/**
 * The filters. Every search is written into the log itself, so fields count when they
 * are left or Enter is pressed, and not with every key.
 */
export function FilterForm({ filters, onChange }: FilterFormProps) {
  const active = filterNames.filter(name => filters[name]).length;
  const more = filterNames.filter(name => !inSight.has(name) && filters[name]).length;
  const set = (name: FilterName) => (text: string) => {
    if ((filters[name] ?? '') !== text) onChange({ ...filters, [name]: text || undefined });
  };
  return (
    <form className="audit-filters" role="search" onSubmit={event => event.preventDefault()}>
      <div className="audit-filters-main">
        <Text
          key={filters.text ?? ''}
          search
          name="text"
          value={filters.text}
          onSet={set('text')}
        />
        <Choice
          label="Result"
          value={filters.status}
          options={['succeeded', 'failed']}
          onSet={set('status')}
        />
        <Choice
          label="Severity"
          value={filters.severity}
          options={['low', 'medium', 'high', 'critical']}
          onSet={set('severity')}
        />
        {active > 0 && (
          <button type="button" className="btn btn-quiet" onClick={() => onChange({})}>
            Clear
          </button>
        )}
      </div>
      <details className="audit-more" open={more > 0 || undefined}>
        <summary>More filters{more > 0 ? ` (${more})` : ''}</summary>
        <div className="audit-grid">
          {(['actor', 'event', 'target', 'plugin'] as const).map(name => (
            <Text
              key={name + (filters[name] ?? '')}
              name={name}
              value={filters[name]}
              onSet={set(name)}
            />
          ))}
          <Moment
            key={`from${filters.from}`}
            label="From"
            value={filters.from}
            onSet={set('from')}
          />
          <Moment key={`to${filters.to}`} label="Until" value={filters.to} onSet={set('to')} />
        </div>
      </details>
    </form>
  );
}

const labels: Partial<Record<FilterName, [label: string, placeholder: string]>> = {
  text: ['Text', 'Words of an event'],
  actor: ['Actor', 'user:default/ada'],
  event: ['Event', 'entity-mutate'],
  target: ['Target', 'component:default/booking'],
  plugin: ['Plugin', 'catalog'],
};

interface TextProps {
  name: FilterName;
  value?: string;
  search?: boolean;
  onSet: (text: string) => void;
}

function Text({ name, value = '', search, onSet }: TextProps) {
  const [text, setText] = useState(value);
  const [label = '', placeholder] = labels[name] ?? [];
  const handlers = {
    onBlur: () => onSet(text.trim()),
    onKeyDown: (event: React.KeyboardEvent) => {
      if (event.key === 'Enter') onSet(text.trim());
    },
  };
  if (search) {
    return (
      <SearchField
        label={label}
        placeholder={placeholder}
        value={text}
        onChange={next => {
          setText(next);
          if (next === '') onSet('');
        }}
        {...handlers}
      />
    );
  }
  return (
    <label className="audit-field">
      <span>{label}</span>
      <input
        type="text"
        className="input mono"
        placeholder={placeholder}
        value={text}
        autoComplete="off"
        spellCheck={false}
        onChange={event => setText(event.target.value)}
        {...handlers}
      />
    </label>
  );
}

interface ChoiceProps {
  label: string;
  value?: string;
  options: readonly string[];
  onSet: (value: string) => void;
}

function Choice({ label, value = '', options, onSet }: ChoiceProps) {
  return (
    <select
      className="select"
      aria-label={label}
      value={value}
      data-active={value !== '' || undefined}
      onChange={event => onSet(event.target.value)}
    >
      <option value="">Any {label.toLowerCase()}</option>
      {options.map(option => (
        <option key={option}>{option}</option>
      ))}
    </select>
  );
}

interface MomentProps {
  label: string;
  value?: string;
  onSet: (value: string) => void;
}

function Moment({ label, value, onSet }: MomentProps) {
  const [text, setText] = useState(toField(value));
  return (
    <label className="audit-field">
      <span>{label}</span>
      <input
        type="datetime-local"
        className="input"
        value={text}
        onChange={event => setText(event.target.value)}
        onBlur={() => onSet(fromField(text))}
        onKeyDown={event => {
          if (event.key === 'Enter') onSet(fromField(text));
        }}
      />
    </label>
  );
}
