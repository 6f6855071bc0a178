import { useQuery, useQueryClient } from '@tanstack/react-query';
import { useNavigate, useSearch } from '@tanstack/react-router';
import { IconFilterOff, IconHistory, IconRefresh } from '@tabler/icons-react';
import { useCallback, useMemo } from 'react';
import { auditEvent, auditEvents, type AuditPage as Page } from '@/api/audit';
import { useTitle } from '@/app/title';
import { ErrorMessage } from '@/kit/ErrorMessage';
import { Message } from '@/kit/kit';
import { EventDetail } from './EventDetail';
import { EventRow } from './EventRow';
import { Exports } from './Exports';
import { FilterForm } from './FilterForm';
import { readState, searchOf, writeState, type AuditState, type Filters } from './state';
import { Verify } from './Verify';
import '@/pages/entity/entity.css';
import './audit.css';

function useAuditState() {
  const raw = useSearch({ strict: false }) as Record<string, unknown>;
  const navigate = useNavigate();
  const state = useMemo(() => readState(raw), [raw]);
  const change = useCallback(
    (next: AuditState, replace = false) =>
      void navigate({
        to: '/admin/audit',
        search: writeState(next) as never,
        replace,
        resetScroll: !replace,
      }),
    [navigate],
  );
  return [state, change] as const;
}

/** Who did what, with which result. Filters, page and open event stand in the address. */
export function AuditPage() {
  useTitle('Audit log');
  const [state, change] = useAuditState();
  const { filters, cursor, id } = state;
  const search = searchOf(filters);
  const client = useQueryClient();
  const query = useQuery({ ...auditEvents(search, cursor), placeholderData: before => before });
  const filterBy = (more: Filters) => change({ filters: { ...filters, ...more } });
  const refresh = () => {
    if (cursor) change({ filters });
    void client.invalidateQueries({ queryKey: ['audit', 'events'] });
  };
  const open = query.data?.items.some(item => item.id === id);
  return (
    <div className="page audit">
      <header className="page-head">
        <h1>Audit log</h1>
        <Exports search={search} />
        <button type="button" className="btn" aria-label="Show the newest events" onClick={refresh}>
          <IconRefresh size={15} aria-hidden />
          <span className="wide-only">Newest</span>
        </button>
      </header>
      <Verify />
      <FilterForm filters={filters} onChange={next => change({ filters: next })} />
      {id && query.data && !open && <Single id={id} onFilter={filterBy} />}
      {query.isError && !query.data ? (
        <ErrorMessage
          error={query.error}
          retryLabel={cursor ? 'Back to the newest' : undefined}
          retry={() => (cursor ? change({ filters }) : void query.refetch())}
        />
      ) : (
        <EventList
          page={query.data}
          stale={query.isPlaceholderData || query.isRefetching}
          state={state}
          onChange={change}
          onFilter={filterBy}
        />
      )}
    </div>
  );
}

/** An event that a link names and that is not on this page of the list. */
function Single({ id, onFilter }: { id: string; onFilter: (filters: Filters) => void }) {
  const query = useQuery(auditEvent(id));
  if (query.isError) return <ErrorMessage error={query.error} />;
  return (
    <section className="panel audit-single" aria-label="Event">
      {query.data ? (
        <EventDetail event={query.data} onFilter={onFilter} />
      ) : (
        <div className="sk-live" />
      )}
    </section>
  );
}

interface EventListProps {
  page: Page | undefined;
  stale: boolean;
  state: AuditState;
  onChange: (next: AuditState, replace?: boolean) => void;
  onFilter: (filters: Filters) => void;
}

function EventList({ page, stale, state, onChange, onFilter }: EventListProps) {
  const { filters, cursor, id } = state;
  if (!page) return <div className="panel sk-live audit-wait" aria-busy="true" />;
  if (page.items.length === 0) {
    const filtered = Object.keys(filters).length > 0;
    return (
      <Message
        icon={filtered ? IconFilterOff : IconHistory}
        title={filtered ? 'No event matches' : 'Nothing has happened yet'}
        actions={
          (filtered || cursor) && (
            <button type="button" className="btn" onClick={() => onChange({ filters: {} })}>
              Show all events
            </button>
          )
        }
      >
        <p>
          {filtered
            ? 'Widen the time or remove a filter. The text is looked for in whole words; a star makes a word the beginning of one, as in refus*.'
            : 'Sign-ins, refusals and changes appear here as they happen.'}
        </p>
      </Message>
    );
  }
  return (
    <>
      <section className="panel" aria-label="Events">
        <div className="event-head" aria-hidden>
          <span>Time</span>
          <span>Event</span>
          <span>Actor</span>
          <span>Target</span>
          <span>Result</span>
        </div>
        <ul className="events" data-stale={stale || undefined}>
          {page.items.map(event => (
            <EventRow
              key={event.id}
              event={event}
              open={event.id === id}
              onToggle={() =>
                onChange({ ...state, id: event.id === id ? undefined : event.id }, true)
              }
              onFilter={onFilter}
            />
          ))}
        </ul>
      </section>
      <footer className="audit-pager">
        {cursor && (
          <button type="button" className="btn" onClick={() => onChange({ filters })}>
            Newest
          </button>
        )}
        <button
          type="button"
          className="btn"
          disabled={!page.nextCursor || stale}
          onClick={() => onChange({ filters, cursor: page.nextCursor })}
        >
          Older
        </button>
      </footer>
    </>
  );
}
