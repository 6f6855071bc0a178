import { IconChevronRight } from '@tabler/icons-react';
import { useState } from 'react';
import { deref, list, text, type Json } from './json';
import { limitsOf, rowsOf, typeLabel, type Row } from './schema';

interface SchemaViewProps {
  root: Json;
  schema: unknown;
}

/** A schema as rows; what is nested opens on demand, so that cycles cost nothing. */
export function SchemaView({ root, schema }: SchemaViewProps) {
  const rows = rowsOf(root, schema);
  const top = deref(root, schema);
  return (
    <div className="schema">
      <p className="schema-type mono">{typeLabel(root, schema)}</p>
      <Notes schema={top} />
      {rows.length > 0 && <Rows root={root} rows={rows} />}
    </div>
  );
}

function Rows({ root, rows }: { root: Json; rows: Row[] }) {
  return (
    <ul className="schema-rows">
      {rows.map(row => (
        <SchemaRow key={row.name} root={root} row={row} />
      ))}
    </ul>
  );
}

function SchemaRow({ root, row }: { root: Json; row: Row }) {
  const [open, setOpen] = useState(false);
  const schema = deref(root, row.schema);
  const inside = rowsOf(root, row.schema);
  const head = (
    <>
      <span className="schema-name mono">{row.name}</span>
      <span className="schema-kind mono">{typeLabel(root, row.schema)}</span>
      {row.required && <span className="schema-required">required</span>}
    </>
  );
  return (
    <li>
      {inside.length > 0 ? (
        <button
          type="button"
          className="schema-head"
          aria-expanded={open}
          onClick={() => setOpen(!open)}
        >
          <IconChevronRight size={13} stroke={2} aria-hidden className="schema-arrow" />
          {head}
        </button>
      ) : (
        <div className="schema-head">{head}</div>
      )}
      <Notes schema={schema} />
      {open && <Rows root={root} rows={inside} />}
    </li>
  );
}

const shownValues = 24;

/** Description, allowed values and limits. */
function Notes({ schema }: { schema: Json }) {
  const values = list(schema.enum);
  const limits = limitsOf(schema);
  const description = text(schema.description);
  if (!description && values.length === 0 && limits.length === 0) return null;
  return (
    <div className="schema-notes">
      {description && <p>{description}</p>}
      {values.length > 0 && (
        <p className="schema-values">
          {values.slice(0, shownValues).map((value, at) => (
            <code key={at}>{text(value) || JSON.stringify(value)}</code>
          ))}
          {values.length > shownValues && `and ${values.length - shownValues} more`}
        </p>
      )}
      {limits.length > 0 && <p className="schema-limits">{limits.join(' · ')}</p>}
    </div>
  );
}
