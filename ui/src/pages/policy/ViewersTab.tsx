import { useQuery } from '@tanstack/react-query';
import { IconEyeSearch } from '@tabler/icons-react';
import { viewersOf, viewersPage, type Viewers } from '@/api/policy';
import { EntityLink } from '@/catalog/EntityLink';
import { AppLink } from '@/kit/AppLink';
import { ErrorMessage } from '@/kit/ErrorMessage';
import { Message, Segmented } from '@/kit/kit';
import { ResultBadge, SourceLine } from './parts';
import type { TabProps } from './PolicyPage';
import { RefPicker } from './RefPicker';
import { addressOf } from './state';

/** Which users of the catalog may see an entity, and the line that decides for each. */
export function ViewersTab({ state, change }: TabProps) {
  const { entity, result, page } = state;
  const query = useQuery({
    ...viewersOf(entity, result, (page - 1) * viewersPage),
    enabled: entity !== '',
    placeholderData: before => (before?.resourceRef === entity ? before : undefined),
  });
  return (
    <>
      <div className="policy-ask">
        <RefPicker
          label="Entity"
          placeholder="An entity's name, or a ref such as component:default/booking"
          value={entity}
          onPick={ref => change({ entity: ref })}
        />
      </div>
      <div className="why-answer" aria-live="polite">
        {!entity ? (
          <Message icon={IconEyeSearch} title="Whose eyes are on what?">
            <p>
              Pick an entity above. You see every user of the catalog, whether they may see it, and
              the line of the policy that decides.
            </p>
          </Message>
        ) : query.isError ? (
          <ErrorMessage error={query.error} retry={() => void query.refetch()} />
        ) : query.data ? (
          <ViewerList
            data={query.data}
            stale={query.isPlaceholderData}
            state={state}
            change={change}
          />
        ) : (
          <div className="panel sk-live why-wait" />
        )}
      </div>
    </>
  );
}

interface ViewerListProps extends Omit<TabProps, 'user'> {
  data: Viewers;
  stale: boolean;
}

const choices = [
  { value: '', label: 'All' },
  { value: 'ALLOW', label: 'Can' },
  { value: 'DENY', label: 'Cannot' },
] as const;

function ViewerList({ data, stale, state, change }: ViewerListProps) {
  const { resourceRef, permission, total, allowed, items } = data;
  const { page, result: chosen } = state;
  const listed = { '': total, ALLOW: allowed, DENY: total - allowed }[chosen];
  const pages = Math.max(1, Math.ceil(listed / viewersPage));
  const onPage = (next: number) => change({ page: next });
  return (
    <section className="panel" aria-label="Users">
      <div className="panel-head">
        <h2>
          {total === 0
            ? 'The catalog has no users'
            : `${allowed.toLocaleString('en')} of ${total.toLocaleString('en')} users can see it`}
        </h2>
        <span className="panel-end">
          <Segmented
            label="Which users"
            value={chosen}
            options={choices}
            onChange={result => change({ result })}
          />
        </span>
      </div>
      {total === 0 ? (
        <p className="panel-note">
          Users are entities of the kind User. Bring them in with an organisation provider or a
          file, or ask about a ref under “Explain”.
        </p>
      ) : (
        <ul className="viewers" aria-label="Users" data-stale={stale || undefined}>
          {items.length === 0 && (
            <li className="muted">{chosen === 'ALLOW' ? 'Nobody can.' : 'Everybody can.'}</li>
          )}
          {items.map(({ user, displayName, result, reason, source }) => (
            <li key={user}>
              <div className="viewer-who">
                <EntityLink to={user} defaults={{ kind: 'user' }} icon />
                {displayName && <span className="muted">{displayName}</span>}
              </div>
              <ResultBadge result={result} />
              <div className="viewer-why">
                <p>{reason}</p>
                <SourceLine source={source} />
              </div>
              <AppLink
                className="btn btn-quiet"
                href={addressOf({ tab: 'explain', user, entity: resourceRef, permission })}
                aria-label={`Explain for ${displayName ?? user}`}
              >
                Explain
              </AppLink>
            </li>
          ))}
        </ul>
      )}
      {pages > 1 && (
        <footer className="panel-pager">
          <button
            type="button"
            className="btn"
            disabled={page <= 1}
            onClick={() => onPage(page - 1)}
          >
            Previous
          </button>
          <span className="num">
            Page {page} of {pages}
          </span>
          <button
            type="button"
            className="btn"
            disabled={page >= pages}
            onClick={() => onPage(page + 1)}
          >
            Next
          </button>
        </footer>
      )}
    </section>
  );
}
