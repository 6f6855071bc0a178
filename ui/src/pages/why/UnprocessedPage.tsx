import { useQuery } from '@tanstack/react-query';
import { useNavigate, useSearch } from '@tanstack/react-router';
import { IconCircleCheck } from '@tabler/icons-react';
import { unprocessed, type UnprocessedEntity } from '@/api/entity';
import { useTitle } from '@/app/title';
import { EntityLink } from '@/catalog/EntityLink';
import { ago, moment } from '@/catalog/time';
import { AppLink } from '@/kit/AppLink';
import { ErrorMessage } from '@/kit/ErrorMessage';
import { Message, Segmented } from '@/kit/kit';
import { EverythingLeftOut } from './EverythingLeftOut';
import { bareTarget } from './question';
import '@/pages/entity/entity.css';
import './why.css';

type View = 'refused' | 'failed' | 'pending';

const views = [
  { value: 'refused', label: 'Left out' },
  { value: 'failed', label: 'Failed' },
  { value: 'pending', label: 'Waiting' },
] as const;

/** Everything that did not, or not yet, become an entity. */
export function UnprocessedPage() {
  useTitle('Problems');
  const raw = useSearch({ strict: false }) as Record<string, string | undefined>;
  const navigate = useNavigate();
  const view: View = raw.view === 'failed' || raw.view === 'pending' ? raw.view : 'refused';
  return (
    <div className="page why">
      <header className="page-head">
        <h1>Problems of the catalog</h1>
        <AppLink className="btn" href="/catalog/why">
          Ask about one
        </AppLink>
      </header>
      <p className="muted why-lead">
        Documents that were left out, entities whose processing failed, and those that wait.
      </p>
      <Segmented
        label="Which"
        value={view}
        options={views}
        onChange={value =>
          void navigate({
            to: '/catalog-unprocessed-entities',
            search: (value === 'refused' ? {} : { view: value }) as never,
          })
        }
      />
      <div className="why-answer">
        {view === 'refused' ? <EverythingLeftOut /> : <Unprocessed key={view} type={view} />}
      </div>
    </div>
  );
}

function Unprocessed({ type }: { type: 'failed' | 'pending' }) {
  const query = useQuery(unprocessed(type));
  if (query.isError) {
    return <ErrorMessage error={query.error} retry={() => void query.refetch()} />;
  }
  if (!query.data) return <div className="panel sk-live why-wait" />;
  if (query.data.length === 0) {
    return (
      <Message
        icon={IconCircleCheck}
        title={type === 'failed' ? 'Nothing failed' : 'Nothing waits'}
      >
        <p>
          {type === 'failed'
            ? 'Every entity was processed without an error.'
            : 'Everything that was found is processed.'}
        </p>
      </Message>
    );
  }
  return (
    <section className="panel" aria-label={type === 'failed' ? 'Failed' : 'Waiting'}>
      <ul className="sources">
        {query.data.map(item => (
          <Item key={item.entity_id} item={item} />
        ))}
      </ul>
    </section>
  );
}

function Item({ item }: { item: UnprocessedEntity }) {
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
