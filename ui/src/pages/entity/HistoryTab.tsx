import { useInfiniteQuery } from '@tanstack/react-query';
import { useSearch } from '@tanstack/react-router';
import { IconGitCommit, IconHistory } from '@tabler/icons-react';
import { historyOf, type Version } from '@/api/entity';
import { entityPath, type Ref } from '@/catalog/ref';
import { ago, moment } from '@/catalog/time';
import { AppLink } from '@/kit/AppLink';
import { ErrorMessage } from '@/kit/ErrorMessage';
import { Message } from '@/kit/kit';
import { causeText, operation, shortCommit } from './cause';
import { DiffView } from './DiffView';
import './history.css';

const number = (text: string | undefined) => {
  const value = Number(text);
  return Number.isInteger(value) && value > 0 ? value : undefined;
};

interface HistoryTabProps {
  entityRef: Ref;
  /** The file the entity stands in now. */
  place?: string;
}

/** Every version of an entity, and what differs between any two of them. */
export default function HistoryTab({ entityRef, place }: HistoryTabProps) {
  const raw = useSearch({ strict: false }) as Record<string, string | undefined>;
  const query = useInfiniteQuery(historyOf(entityRef));
  const versions = query.data?.pages.flatMap(page => page.items);
  if (query.isError && !versions) {
    return <ErrorMessage error={query.error} retry={() => void query.refetch()} />;
  }
  if (!versions) return <div className="history sk-live" />;
  const newest = versions[0];
  if (!newest) {
    return (
      <Message icon={IconHistory} title="No version is kept">
        <p>The history begins with the next change.</p>
      </Message>
    );
  }
  const to = number(raw.to) ?? newest.version;
  const from = number(raw.from);
  const path = `${entityPath(entityRef)}/history`;
  return (
    <div className="history">
      <nav className="history-list" aria-label="Versions">
        <ol>
          {versions.map(version => (
            <li key={version.version}>
              <VersionLink
                version={version}
                place={place}
                href={`${path}?to=${version.version}`}
                current={version.version === to}
              />
            </li>
          ))}
        </ol>
        {query.hasNextPage && (
          <button
            type="button"
            className="btn btn-quiet"
            disabled={query.isFetchingNextPage}
            onClick={() => void query.fetchNextPage()}
          >
            Older versions
          </button>
        )}
      </nav>
      <DiffView entityRef={entityRef} versions={versions} from={from} to={to} />
    </div>
  );
}

interface VersionLinkProps {
  version: Version;
  place?: string;
  href: string;
  current: boolean;
}

function VersionLink({ version, place, href, current }: VersionLinkProps) {
  const { commit, actor, kind } = version.cause;
  return (
    <AppLink className="version" href={href} aria-current={current ? 'true' : undefined}>
      <span className="version-dot" data-op={version.op} aria-hidden />
      <span className="version-text">
        <span className="version-head">
          <strong>
            {operation(version.op)} <span className="muted num">v{version.version}</span>
          </strong>
          <time dateTime={version.at} title={moment(version.at)}>
            {ago(version.at)}
          </time>
        </span>
        <span className="version-cause">{causeText(version, place)}</span>
        {(commit || (actor && kind !== 'user')) && (
          <span className="version-cause">
            {commit && (
              <span className="mono version-commit" title={commit}>
                <IconGitCommit size={14} aria-hidden />
                {shortCommit(commit)}
              </span>
            )}
            {actor && kind !== 'user' && ` by ${actor}`}
          </span>
        )}
      </span>
    </AppLink>
  );
}
