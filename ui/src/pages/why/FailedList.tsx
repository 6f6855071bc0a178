import type { UnprocessedEntity } from '@/api/entity';
import { EntityLink } from '@/catalog/EntityLink';
import { ago, moment } from '@/catalog/time';
import { AppLink } from '@/kit/AppLink';
import { bareTarget } from './question';

interface FailedListProps {
  title: string;
  items: readonly UnprocessedEntity[];
}

/** Documents that were found and did not, or not yet, become what they say. */
export function FailedList({ title, items }: FailedListProps) {
  return (
    <section className="panel" aria-label={title}>
      <div className="panel-head">
        <h2>{title}</h2>
        <span className="panel-count num">{items.length}</span>
      </div>
      <ul className="sources">
        {items.map(item => (
          <Failed key={item.entity_id} item={item} />
        ))}
      </ul>
    </section>
  );
}

function Failed({ item }: { item: UnprocessedEntity }) {
  const { entity_ref: ref, location_key: key, last_discovery_at: at, errors = [] } = item;
  return (
    <li>
      <EntityLink to={ref} defaults={{}} icon />
      <p className="mono">{bareTarget(key)}</p>
      {errors.map((error, index) => (
        <p className="verdict-text" key={index}>
          {error.message}
        </p>
      ))}
      <p className="muted">
        {at && (
          <>
            <time dateTime={at} title={moment(at)}>
              {ago(at)}
            </time>
            {' · '}
          </>
        )}
        <AppLink className="text-link" href={`/catalog/why?q=${encodeURIComponent(ref)}`}>
          Why?
        </AppLink>
      </p>
    </li>
  );
}
