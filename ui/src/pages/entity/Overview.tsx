import { useQuery } from '@tanstack/react-query';
import { lazy, Suspense, useMemo, type ReactNode } from 'react';
import { graphOf, kindsModel, type Graph } from '@/api/entity';
import type { Entity } from '@/api/types';
import { compareKinds, kindInfo } from '@/catalog/kinds';
import { entityPath, formatRef, parseRef, refOf } from '@/catalog/ref';
import { relationGroups, relationHeading, type RelationGroup } from '@/catalog/relations';
import { AppLink } from '@/kit/AppLink';
import { About, Links } from './About';
import { GroupOverview } from './GroupOverview';
import { LocationOverview } from './LocationOverview';
import { McpOverview } from './McpOverview';
import { Problems } from './Problems';
import { RelatedList, Panel } from './RelatedList';
import { useRelated } from './related';
import { SpecFacts } from './SpecFacts';
import { TemplateOverview } from './TemplateOverview';
import { UserOverview } from './UserOverview';

const GraphCanvas = lazy(() => import('@/graph/GraphCanvas'));

/** The first tab: what it is in the middle, facts at the side. */
export function Overview({ entity }: { entity: Entity }) {
  const kind = entity.kind.toLowerCase();
  const { description } = entity.metadata;
  return (
    <>
      <Problems entity={entity} />
      <div className="overview">
        <div className="overview-main">
          {description && <p className="lead">{description}</p>}
          <KindOverview kind={kind} entity={entity} />
        </div>
        <aside className="overview-side" aria-label="Facts">
          <About entity={entity} />
          <Links links={entity.metadata.links} />
        </aside>
      </div>
    </>
  );
}

function KindOverview({ kind, entity }: { kind: string; entity: Entity }): ReactNode {
  switch (kind) {
    case 'group':
      return <GroupOverview entity={entity} />;
    case 'user':
      return <UserOverview entity={entity} />;
    case 'location':
      return <LocationOverview entity={entity} />;
    case 'template':
      return (
        <>
          <TemplateOverview entity={entity} />
          <RelationLists entity={entity} />
        </>
      );
    default:
      return (
        <>
          {kind === 'api' && entity.spec?.type === 'mcp-server' && <McpOverview entity={entity} />}
          <RelationLists entity={entity} />
          <SmallGraph entity={entity} />
          <SpecFacts entity={entity} />
        </>
      );
  }
}

/** Shown elsewhere on the page: the owner and the whole it is part of. */
const elsewhere = new Set(['ownedBy', 'partOf']);

/** Long lists of all sorts of things: the kinds tell more than the relation. */
const byKind = new Set(['hasPart', 'ownerOf']);

interface KindGroup extends RelationGroup {
  kind?: string;
}

function splitByKind({ type, targets }: RelationGroup): KindGroup[] {
  const kinds = [...new Set(targets.map(ref => parseRef(ref).kind))].sort(compareKinds);
  return kinds.map(kind => ({
    type,
    kind,
    targets: targets.filter(ref => parseRef(ref).kind === kind),
  }));
}

/** A short list for every relation type the entity has. */
export function RelationLists({ entity }: { entity: Entity }) {
  const { data: model } = useQuery(kindsModel());
  const labels = useMemo(
    () => Object.fromEntries(model?.relations.map(({ type, label }) => [type, label]) ?? []),
    [model],
  );
  const groups = useMemo(
    (): KindGroup[] =>
      relationGroups(entity.relations)
        .filter(({ type }) => !elsewhere.has(type))
        .flatMap(group => (byKind.has(group.type) ? splitByKind(group) : [group])),
    [entity.relations],
  );
  const refs = useMemo(() => groups.flatMap(({ targets }) => targets), [groups]);
  const related = useRelated(refs);
  if (groups.length === 0) return null;
  const all = `${entityPath(refOf(entity))}/relations`;
  return (
    <div className="panels">
      {groups.map(({ type, kind, targets }) => (
        <RelatedList
          key={type + (kind ?? '')}
          title={kind ? kindInfo(kind).plural : relationHeading(type, labels)}
          refs={targets}
          related={related}
          all={`${all}#${type}`}
        />
      ))}
    </div>
  );
}

/** The nearest neighbours as a picture, a click away from the whole. */
function SmallGraph({ entity }: { entity: Entity }) {
  const ref = refOf(entity);
  const path = entityPath(ref);
  const { data, isError } = useQuery(
    graphOf({
      rootRefs: [formatRef(ref)],
      maxDepth: 1,
      relations: smallGraphRelations(entity),
      limit: 40,
    }),
  );
  if (isError || (data && data.nodes.length < 2)) return null;
  return (
    <Panel
      title="Graph"
      end={
        <AppLink className="text-link" href={`${path}/graph`}>
          Open
        </AppLink>
      }
    >
      <div className="small-graph" style={data && { height: heightFor(data) }}>
        <Suspense fallback={null}>
          {data && <GraphCanvas graph={data} label={`Relations of ${ref.name}`} quiet />}
        </Suspense>
      </div>
    </Panel>
  );
}

/** As tall as the picture needs at the usual width, within reason. */
function heightFor({ width, height }: Graph): number {
  const scale = Math.min(1, 700 / (width || 1));
  return Math.round(Math.min(400, Math.max(150, height * scale + 56)));
}

/** Who owns it and what it is part of stand beside the picture and would fill it with lines. */
function smallGraphRelations(entity: Entity): string[] {
  const types = relationGroups(entity.relations)
    .map(({ type }) => type)
    .filter(type => type !== 'ownedBy' && type !== 'ownerOf');
  const without = types.filter(type => type !== 'partOf');
  return without.length > 0 ? without : types;
}
