import { useQuery, useQueryClient, type QueryClient } from '@tanstack/react-query';
import { useParams } from '@tanstack/react-router';
import { IconLayoutNavbar, IconTrash } from '@tabler/icons-react';
import { lazy, Suspense, useEffect, useMemo, useRef } from 'react';
import { entityByRef } from '@/api/entity';
import type { Entity, QueryPage } from '@/api/types';
import { useTitle } from '@/app/title';
import { rememberVisit } from '@/catalog/personal';
import { entityPath, formatRef, refOf, titleOf, type Ref } from '@/catalog/ref';
import { AppLink } from '@/kit/AppLink';
import { ErrorMessage } from '@/kit/ErrorMessage';
import { Message } from '@/kit/kit';
import { EntityHeader } from './EntityHeader';
import { BodySkeleton, EntitySkeleton } from './EntitySkeleton';
import { GroupMembers, GroupTree } from './GroupTabs';
import { originOf } from './origin';
import { MissingEntity } from './MissingEntity';
import { Overview } from './Overview';
import { RelationsTab } from './RelationsTab';
import { tabOf, tabsFor, type TabId } from './tabs';
import './entity.css';

const DefinitionTab = lazy(() => import('./DefinitionTab'));
const GraphTab = lazy(() => import('./GraphTab'));
const HistoryTab = lazy(() => import('./HistoryTab'));
const RawTab = lazy(() => import('./RawTab'));

interface Params {
  namespace?: string;
  kind?: string;
  name?: string;
  tab?: string;
}

/** What a list that was shown before said about an entity. */
function fromLists(client: QueryClient, ref: string): Entity | undefined {
  const pages = client.getQueriesData<QueryPage>({ queryKey: ['by-query'] });
  return pages
    .flatMap(([, page]) => page?.items ?? [])
    .find(item => item.metadata && formatRef(refOf(item)) === ref);
}

/** The page of one entity; which tab is shown stands in the address. */
export function EntityPage() {
  const { namespace = '', kind = '', name = '', tab } = useParams({ strict: false }) as Params;
  const ref = useMemo<Ref>(
    () => ({ kind: kind.toLowerCase(), namespace: namespace.toLowerCase(), name }),
    [kind, namespace, name],
  );
  const client = useQueryClient();
  const query = useQuery(entityByRef(ref));
  const entity = query.data;
  const title = entity ? titleOf(entity) : name;
  useTitle(title);
  useEffect(() => {
    if (entity) rememberVisit({ ref: formatRef(ref), title: titleOf(entity) });
  }, [entity, ref]);

  if (!entity && query.error?.name === 'NotFoundError') return <MissingEntity entityRef={ref} />;
  if (!entity && query.isError) {
    return (
      <div className="page">
        <ErrorMessage level={1} error={query.error} retry={() => void query.refetch()} />
      </div>
    );
  }
  const chosen = tabOf(ref.kind, tab);
  return (
    <div className="page entity">
      {entity && query.error?.name === 'NotFoundError' && (
        <div className="notice notice-amber entity-gone" role="status">
          <IconTrash size={17} stroke={1.7} aria-hidden />
          <div>It has just been removed from the catalog. This is what it was.</div>
        </div>
      )}
      {entity ? (
        <EntityHeader entity={entity} />
      ) : (
        <EntitySkeleton entityRef={ref} hint={fromLists(client, formatRef(ref))} />
      )}
      <Tabs entityRef={ref} chosen={chosen} />
      {!entity && chosen === 'overview' && <BodySkeleton />}
      {entity && (
        <Suspense fallback={<div className="entity-body sk-live" />}>
          <div className="entity-body" key={chosen}>
            <TabBody entity={entity} tab={chosen} name={tab} entityRef={ref} />
          </div>
        </Suspense>
      )}
    </div>
  );
}

function Tabs({ entityRef, chosen }: { entityRef: Ref; chosen: TabId | undefined }) {
  const path = entityPath(entityRef);
  const list = useRef<HTMLDivElement>(null);
  useEffect(() => {
    // On a narrow screen the chosen tab may start outside the view.
    const tab = list.current?.querySelector<HTMLElement>('[aria-current]');
    if (list.current && tab) list.current.scrollLeft = Math.max(0, tab.offsetLeft - 60);
  }, [chosen]);
  return (
    <nav className="tabs entity-tabs" aria-label="Sections">
      <div className="tabs-list" ref={list}>
        {tabsFor(entityRef.kind).map(({ id, label }) => (
          <AppLink
            key={id}
            className="tab"
            href={id === 'overview' ? path : `${path}/${id}`}
            aria-current={id === chosen ? 'page' : undefined}
          >
            {label}
          </AppLink>
        ))}
      </div>
    </nav>
  );
}

interface TabBodyProps {
  entity: Entity;
  entityRef: Ref;
  tab: TabId | undefined;
  name?: string;
}

function TabBody({ entity, entityRef, tab, name }: TabBodyProps) {
  switch (tab) {
    case 'overview':
      return <Overview entity={entity} />;
    case 'definition':
      return <DefinitionTab entity={entity} />;
    case 'members':
      return <GroupMembers entity={entity} />;
    case 'org':
      return <GroupTree entity={entity} />;
    case 'relations':
      return <RelationsTab entity={entity} />;
    case 'graph':
      return <GraphTab entity={entity} />;
    case 'history':
      return <HistoryTab entityRef={entityRef} place={originOf(entity).location} />;
    case 'raw':
      return <RawTab entity={entity} />;
    default:
      return (
        <Message
          icon={IconLayoutNavbar}
          title={`There is no section “${name}” here`}
          actions={
            <AppLink className="btn btn-primary" href={entityPath(entityRef)}>
              Go to the overview
            </AppLink>
          }
        >
          <p>The address may come from another portal. What this page has is listed above.</p>
        </Message>
      );
  }
}
