import { IconArrowUp } from '@tabler/icons-react';
import type { Conflict, ExplainedEntity } from '@/api/entity';
import { EntityLink } from '@/catalog/EntityLink';
import { ago, moment } from '@/catalog/time';
import { bareTarget } from './question';

/** Who claims a name and who holds it. */
export function Conflicts({ items }: { items: readonly Conflict[] }) {
  return (
    <section className="panel" aria-label="Claims">
      <div className="panel-head">
        <h2>Claims that lost</h2>
        <span className="panel-count num">{items.length}</span>
      </div>
      <ul className="sources">
        {items.map(({ entityRef, locationKey, heldBy, since }) => (
          <li key={entityRef + locationKey}>
            <EntityLink to={entityRef} defaults={{}} icon />
            <p className="mono">{bareTarget(locationKey)}</p>
            <p className="muted">
              {heldBy ? (
                <>
                  held by <span className="mono">{bareTarget(heldBy)}</span>,{' '}
                </>
              ) : (
                ''
              )}
              <time dateTime={since} title={moment(since)}>
                since {ago(since)}
              </time>
            </p>
          </li>
        ))}
      </ul>
    </section>
  );
}

interface SourcesProps {
  items: readonly ExplainedEntity[];
  /** Their problems stand elsewhere on the page. */
  quiet?: boolean;
}

/** The locations something comes through, nearest first, up to the configuration. */
export function Sources({ items, quiet }: SourcesProps) {
  return (
    <section className="panel" aria-label="Comes through">
      <div className="panel-head">
        <h2>Comes through</h2>
      </div>
      <ol className="sources">
        {items.map(({ entityRef, locationKey, parents, problems }, at) => (
          <li key={entityRef}>
            <span className="source-step" aria-hidden>
              {at > 0 && <IconArrowUp size={13} />}
            </span>
            <EntityLink to={entityRef} defaults={{}} icon />
            <p className="mono">{bareTarget(locationKey)}</p>
            {parents?.includes('config') && <p className="muted">named in the configuration</p>}
            {!quiet &&
              problems?.map((problem, index) => (
                <div className="notice" key={index}>
                  <div className="verdict-text">{problem.message}</div>
                </div>
              ))}
          </li>
        ))}
      </ol>
    </section>
  );
}
