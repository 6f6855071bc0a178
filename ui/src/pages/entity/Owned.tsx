import { useQuery } from '@tanstack/react-query';
import { compareKinds, kindInfo, KindIcon } from '@/catalog/kinds';
import { AppLink } from '@/kit/AppLink';
import { Panel } from './RelatedList';
import { ownedCounts } from './useOrg';

interface OwnedProps {
  /** The owners counted together. */
  owners: readonly string[];
  title?: string;
}

/** What somebody owns: a number a kind, each leading into the catalog. */
export function Owned({ owners, title = 'Owns' }: OwnedProps) {
  const { data } = useQuery({ ...ownedCounts(owners), enabled: owners.length > 0 });
  const kinds = [...(data?.facets.kind ?? [])].sort((a, b) => compareKinds(a.value, b.value));
  const owned = owners.map(owner => `&filters[owners]=${encodeURIComponent(owner)}`).join('');
  if (data && kinds.length === 0) {
    return (
      <Panel title={title} count={0}>
        <p className="panel-note">
          Nothing yet. An entity is owned by whoever its <code>spec.owner</code> names.
        </p>
      </Panel>
    );
  }
  return (
    <Panel title={title} count={data && kinds.reduce((sum, { count }) => sum + count, 0)}>
      <ul className="owned">
        {kinds.map(({ value, count }) => {
          const { label, plural } = kindInfo(value);
          return (
            <li key={value}>
              <AppLink href={`/catalog?filters[kind]=${value.toLowerCase()}${owned}`}>
                <span className="owned-count num">{count.toLocaleString('en')}</span>
                <span className="owned-kind">
                  <KindIcon kind={value} size={14} />
                  {count === 1 ? label : plural}
                </span>
              </AppLink>
            </li>
          );
        })}
      </ul>
    </Panel>
  );
}
