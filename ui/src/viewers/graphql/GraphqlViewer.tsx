import { useMemo, useState } from 'react';
import { SearchField } from '@/kit/kit';
import { useHash } from '../useHash';
import { bareType, type Field, type TypeInfo } from './model';

interface GraphqlViewerProps {
  types: TypeInfo[];
}

/** A GraphQL schema: operations first, then types; names lead to each other. */
export default function GraphqlViewer({ types }: GraphqlViewerProps) {
  const [needle, setNeedle] = useState('');
  const [hash] = useHash();
  const known = useMemo(() => new Set(types.map(({ name }) => name)), [types]);
  const word = needle.toLowerCase().trim();
  const shown = types
    .map(type => {
      if (!word || type.name.toLowerCase().includes(word)) return type;
      const fields = type.fields.filter(({ name }) => name.toLowerCase().includes(word));
      const values = type.values.filter(({ name }) => name.toLowerCase().includes(word));
      return { ...type, fields, values };
    })
    .filter(
      type =>
        !word ||
        type.name.toLowerCase().includes(word) ||
        type.fields.length + type.values.length > 0,
    );
  return (
    <div className="api-doc">
      <div className="api-find">
        <SearchField
          label="Find a type or field"
          placeholder="Find a type or field…"
          value={needle}
          onChange={setNeedle}
        />
        <span className="muted num">
          {types.length} {types.length === 1 ? 'type' : 'types'}
        </span>
      </div>
      {shown.map(type => (
        <section
          key={type.name}
          id={type.name}
          className="gql-type"
          aria-label={type.name}
          data-target={hash === type.name || undefined}
        >
          <h2>
            <span className="gql-kind mono">{type.kind}</span>
            <span className="mono">{type.name}</span>
            {type.implements.length > 0 && (
              <span className="gql-implements">
                implements{' '}
                {type.implements.map(name => (
                  <TypeLink key={name} type={name} known={known} />
                ))}
              </span>
            )}
          </h2>
          {type.description && <p className="api-text">{type.description}</p>}
          {type.fields.length > 0 && (
            <ul className="schema-rows">
              {type.fields.map(field => (
                <FieldRow key={field.name} field={field} known={known} />
              ))}
            </ul>
          )}
          {type.values.length > 0 && (
            <p className="schema-values">
              {type.values.map(({ name, description }) => (
                <code key={name} title={description || undefined}>
                  {known.has(name) ? <TypeLink type={name} known={known} /> : name}
                </code>
              ))}
            </p>
          )}
        </section>
      ))}
      {shown.length === 0 && <p className="muted">No type or field is called so.</p>}
    </div>
  );
}

function TypeLink({ type, known }: { type: string; known: ReadonlySet<string> }) {
  const bare = bareType(type);
  return known.has(bare) ? (
    <a className="gql-link mono" href={`#${bare}`}>
      {type}
    </a>
  ) : (
    <span className="mono">{type}</span>
  );
}

function FieldRow({ field, known }: { field: Field; known: ReadonlySet<string> }) {
  return (
    <li>
      <div className="schema-head">
        <span className="schema-name mono">
          {field.name}
          {field.args.length > 0 && (
            <span className="gql-args">
              (
              {field.args.map(({ name, type, value }, at) => (
                <span key={name}>
                  {at > 0 && ', '}
                  {name}: <TypeLink type={type} known={known} />
                  {value && ` = ${value}`}
                </span>
              ))}
              )
            </span>
          )}
        </span>
        <span className="schema-kind">
          <TypeLink type={field.type} known={known} />
        </span>
        {field.deprecated && <span className="op-note">deprecated</span>}
      </div>
      {field.description && (
        <div className="schema-notes">
          <p>{field.description}</p>
        </div>
      )}
    </li>
  );
}
