import type { ReactNode } from 'react';
import type { Entity } from '@/api/types';
import { KindIcon } from '@/catalog/kinds';
import { entityPath, parseRef, shortRef, titleOf } from '@/catalog/ref';
import { AppLink } from '@/kit/AppLink';
import type { Related } from './related';

interface RelatedListProps {
  title: string;
  refs: readonly string[];
  related: Related;
  /** Where all of them are shown, when there are more than fit. */
  all?: string;
  most?: number;
}

/** A card with some related entities, one line each. */
export function RelatedList({ title, refs, related, all, most = 6 }: RelatedListProps) {
  const id = `related-${title.replace(/\W+/g, '-').toLowerCase()}`;
  return (
    <Panel title={title} count={refs.length} id={id}>
      <ul className="related">
        {refs.slice(0, most).map(ref => (
          <li key={ref}>
            <RelatedRow entityRef={ref} entity={related.get(ref)} />
          </li>
        ))}
      </ul>
      {refs.length > most && all && (
        <AppLink className="panel-more" href={all}>
          Show all {refs.length.toLocaleString('en')}
        </AppLink>
      )}
    </Panel>
  );
}

interface PanelProps {
  title: string;
  count?: number;
  id?: string;
  end?: ReactNode;
  children: ReactNode;
}

export function Panel({ title, count, id, end, children }: PanelProps) {
  return (
    <section className="panel" aria-labelledby={id} aria-label={id ? undefined : title}>
      <div className="panel-head">
        <h2 id={id}>{title}</h2>
        {count !== undefined && (
          <span className="panel-count num">{count.toLocaleString('en')}</span>
        )}
        {end && <div className="panel-end">{end}</div>}
      </div>
      {children}
    </section>
  );
}

interface RelatedRowProps {
  entityRef: string;
  entity: Entity | null | undefined;
  note?: ReactNode;
}

export function RelatedRow({ entityRef, entity, note }: RelatedRowProps) {
  const ref = parseRef(entityRef);
  const kind = entity?.kind ?? ref.kind;
  const type = entity?.spec?.type;
  if (entity === null) {
    return (
      <span className="related-row" data-missing>
        <KindIcon kind={kind} size={15} />
        <span className="related-name">{shortRef(ref)}</span>
        <AppLink
          className="related-note related-why"
          href={`/catalog/why?q=${encodeURIComponent(entityRef)}`}
        >
          not in the catalog
        </AppLink>
      </span>
    );
  }
  return (
    <AppLink className="related-row" href={entityPath(ref)} title={entityRef}>
      <KindIcon kind={kind} size={15} />
      <span className="related-name">{entity ? titleOf(entity) : ref.name}</span>
      {ref.namespace !== 'default' && <span className="namespace">{ref.namespace}</span>}
      <span className="related-note">{note ?? (typeof type === 'string' ? type : '')}</span>
    </AppLink>
  );
}
