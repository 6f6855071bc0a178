import { useQuery } from '@tanstack/react-query';
import { IconTopologyRing2 } from '@tabler/icons-react';
import { useEffect, useMemo, useState } from 'react';
import { kindsModel } from '@/api/entity';
import type { Entity } from '@/api/types';
import { compareKinds, kindInfo, KindIcon } from '@/catalog/kinds';
import { entityPath, parseRef, shortRef, titleOf } from '@/catalog/ref';
import { relationGroups, relationHeading, type RelationGroup } from '@/catalog/relations';
import { AppLink } from '@/kit/AppLink';
import { Message, SearchField } from '@/kit/kit';
import { useRelated, type Related } from './related';
import { columnsOf, type RelationColumn } from './relationColumns';

const filterFrom = 12;

/** Every relation of the entity: a table a type, split by kind where there are several. */
export function RelationsTab({ entity }: { entity: Entity }) {
  const { data: model } = useQuery(kindsModel());
  const labels = Object.fromEntries(model?.relations.map(({ type, label }) => [type, label]) ?? []);
  const [text, setText] = useState('');
  const groups = useMemo(() => relationGroups(entity.relations), [entity.relations]);
  const refs = useMemo(() => groups.flatMap(({ targets }) => targets), [groups]);
  const related = useRelated(refs);

  useEffect(() => {
    const id = decodeURIComponent(location.hash.slice(1));
    if (id && related.size > 0) document.getElementById(`relation-${id}`)?.scrollIntoView();
  }, [related.size]);

  if (groups.length === 0) {
    return (
      <Message icon={IconTopologyRing2} title="It has no relations">
        <p>
          Relations come from fields such as <code>spec.owner</code>, <code>spec.dependsOn</code> or{' '}
          <code>spec.system</code>, here or in other entities.
        </p>
      </Message>
    );
  }
  const needle = text.trim().toLowerCase();
  const fits = (ref: string) => {
    const other = related.get(ref);
    return (
      !needle || ref.includes(needle) || (other && titleOf(other).toLowerCase().includes(needle))
    );
  };
  const shown = groups
    .map(({ type, targets }) => ({ type, targets: targets.filter(fits) }))
    .filter(({ targets }) => targets.length > 0);
  return (
    <div className="relations">
      {refs.length > filterFrom && (
        <div className="tab-head">
          <SearchField
            label="Filter the relations"
            placeholder="Filter…"
            value={text}
            onChange={setText}
          />
        </div>
      )}
      {shown.length === 0 && <p className="panel-note">No relation matches “{text}”.</p>}
      {shown.map(group => (
        <Group
          key={group.type}
          group={group}
          heading={relationHeading(group.type, labels)}
          related={related}
        />
      ))}
    </div>
  );
}

interface GroupProps {
  group: RelationGroup;
  heading: string;
  related: Related;
}

function Group({ group, heading, related }: GroupProps) {
  const kindOf = (ref: string) => related.get(ref)?.kind ?? parseRef(ref).kind;
  const kinds = [...new Set(group.targets.map(kindOf))].sort(compareKinds);
  return (
    <section className="relation" id={`relation-${group.type}`} aria-label={heading}>
      {kinds.map(kind => (
        <KindTable
          key={kind}
          kind={kind}
          heading={heading}
          refs={group.targets.filter(ref => kindOf(ref) === kind)}
          related={related}
        />
      ))}
    </section>
  );
}

const firstRows = 100;

interface KindTableProps {
  kind: string;
  heading: string;
  refs: readonly string[];
  related: Related;
}

/** The targets of one kind; thousands of them come in steps. */
function KindTable({ kind, heading, refs, related }: KindTableProps) {
  const [most, setMost] = useState(firstRows);
  const { label, plural } = kindInfo(kind);
  const columns = columnsOf(kind);
  return (
    <div>
      <table className="mini-table relation-table">
        <caption>
          <h2>
            {heading} <span className="muted">{refs.length === 1 ? label : plural}</span>
          </h2>
          <span className="panel-count num">{refs.length.toLocaleString('en')}</span>
        </caption>
        <thead>
          <tr>
            <th scope="col" className="rel-name">
              Name
            </th>
            {columns.map(({ id, header }) => (
              <th key={id} scope="col" className={`rel-${id}`}>
                {header}
              </th>
            ))}
          </tr>
        </thead>
        <tbody>
          {refs.slice(0, most).map(ref => (
            <RelationRow key={ref} entityRef={ref} entity={related.get(ref)} columns={columns} />
          ))}
        </tbody>
      </table>
      {refs.length > most && (
        <button
          type="button"
          className="btn btn-quiet"
          onClick={() => setMost(most + 5 * firstRows)}
        >
          Show more of {refs.length.toLocaleString('en')}
        </button>
      )}
    </div>
  );
}

interface RelationRowProps {
  entityRef: string;
  entity: Entity | null | undefined;
  columns: readonly RelationColumn[];
}

function RelationRow({ entityRef, entity, columns }: RelationRowProps) {
  const ref = parseRef(entityRef);
  return (
    <tr>
      <td>
        <span className="name">
          <KindIcon kind={ref.kind} size={15} />
          {entity === null ? (
            <span className="muted">{shortRef(ref)}</span>
          ) : (
            <AppLink className="row-link" href={entityPath(ref)} title={entityRef}>
              {entity ? titleOf(entity) : ref.name}
            </AppLink>
          )}
          {ref.namespace !== 'default' && <span className="namespace">{ref.namespace}</span>}
        </span>
      </td>
      {entity === null ? (
        <td colSpan={columns.length} className="muted">
          not in the catalog ·{' '}
          <AppLink
            className="text-link related-why"
            href={`/catalog/why?q=${encodeURIComponent(entityRef)}`}
          >
            why?
          </AppLink>
        </td>
      ) : (
        columns.map(({ id, cell }) => (
          <td key={id} className={`rel-${id}`}>
            {entity && cell(entity)}
          </td>
        ))
      )}
    </tr>
  );
}
