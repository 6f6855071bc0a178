import { useQuery } from '@tanstack/react-query';
import { useNavigate, useSearch } from '@tanstack/react-router';
import { IconTopologyRing2, IconX } from '@tabler/icons-react';
import { useMemo } from 'react';
import { byQuery } from '@/api/catalog';
import { useTitle } from '@/app/title';
import { EntityLink } from '@/catalog/EntityLink';
import { formatRef, refOf } from '@/catalog/ref';
import { GraphControls } from '@/graph/GraphControls';
import { GraphView } from '@/graph/GraphView';
import { readGraph, writeGraph, type GraphState } from '@/graph/state';
import { AppLink } from '@/kit/AppLink';
import { Message } from '@/kit/kit';
import { AddRoot } from './AddRoot';
import '@/graph/graph.css';
import '@/pages/entity/entity.css';

/** Where the picture begins when the address does not say: the domains, else the systems. */
function useStart(enabled: boolean) {
  const { data } = useQuery({
    ...byQuery({
      body: {
        query: { kind: { $in: ['domain', 'system'] } },
        fields: ['kind', 'metadata.name', 'metadata.namespace'],
        orderBy: [{ field: 'kind', order: 'asc' }],
        limit: 40,
      },
    }),
    enabled,
  });
  return useMemo(() => {
    if (!data) return undefined;
    const of = (kind: string) => data.items.filter(item => item.kind.toLowerCase() === kind);
    const start = of('domain').length > 0 ? of('domain') : of('system');
    return start.slice(0, 20).map(item => formatRef(refOf(item)));
  }, [data]);
}

/** The explorer of relations: any roots, any depth, all of it in the address. */
export function GraphPage() {
  useTitle('Graph');
  const raw = useSearch({ strict: false }) as Record<string, string | string[]>;
  const navigate = useNavigate();
  const state = readGraph(raw);
  const chosen = state.roots.length > 0;
  const start = useStart(!chosen);
  const change = (next: GraphState) =>
    void navigate({ to: '/catalog-graph', search: writeGraph(next, raw) as never });
  // Owners would be lines to everywhere; they are there once something is chosen.
  const overview = [
    'hasPart',
    'partOf',
    'providesApi',
    'apiProvidedBy',
    'dependsOn',
    'dependencyOf',
  ];
  const shown = chosen
    ? state
    : {
        ...state,
        roots: start ?? [],
        relations: state.relations.length > 0 ? state.relations : overview,
      };
  return (
    <div className="page graph-page">
      <header className="page-head">
        <h1>Graph</h1>
      </header>
      <div className="graph-bar">
        <div className="graph-roots">
          {state.roots.map(root => (
            <span className="chip" key={root}>
              <EntityLink to={root} defaults={{}} icon />
              <button
                type="button"
                className="icon-btn"
                aria-label={`Leave out ${root}`}
                onClick={() =>
                  change({ ...state, roots: state.roots.filter(other => other !== root) })
                }
              >
                <IconX size={13} aria-hidden />
              </button>
            </span>
          ))}
          <AddRoot
            label={chosen ? 'Add' : 'Begin at…'}
            onPick={ref => change({ ...state, roots: [...new Set([...state.roots, ref])] })}
          />
        </div>
        <GraphControls state={state} onChange={change} />
      </div>
      {start?.length === 0 && !chosen ? (
        <Message
          icon={IconTopologyRing2}
          title="Choose where to begin"
          actions={
            <AppLink className="btn" href="/catalog?filters[kind]=all">
              Browse the catalog
            </AppLink>
          }
        >
          <p>There are no domains or systems to begin with. Pick any entity above.</p>
        </Message>
      ) : (
        <GraphView state={shown} label="Relations" />
      )}
    </div>
  );
}
