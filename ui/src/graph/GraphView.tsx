import { useQuery } from '@tanstack/react-query';
import { IconTopologyRing2 } from '@tabler/icons-react';
import { graphOf } from '@/api/entity';
import { ErrorMessage } from '@/kit/ErrorMessage';
import { Message } from '@/kit/kit';
import GraphCanvas from './GraphCanvas';
import { GraphList } from './GraphList';
import type { GraphState } from './state';
import './graph.css';

interface GraphViewProps {
  state: GraphState;
  label: string;
}

/** Loads and shows what a state describes: the picture or the list, or why there is none. */
export function GraphView({ state, label }: GraphViewProps) {
  const query = useQuery({
    ...graphOf({
      rootRefs: state.roots,
      maxDepth: state.depth,
      kinds: state.kinds,
      relations: state.relations,
      direction: state.direction,
      mergeRelations: state.merge,
      unidirectional: state.unidirectional,
    }),
    enabled: state.roots.length > 0,
    placeholderData: before => before,
  });
  const graph = query.data;
  if (state.view === 'list' && graph && graph.edges.length > 0) return <GraphList graph={graph} />;
  return (
    <div className="graph-frame">
      {query.isError && !graph ? (
        <ErrorMessage error={query.error} retry={() => void query.refetch()} />
      ) : graph?.edges.length === 0 && graph.nodes.length < 2 ? (
        <Message icon={IconTopologyRing2} title="Nothing is connected here">
          <p>
            {state.kinds.length + state.relations.length > 0
              ? 'No relation fits the kinds and relation types chosen above.'
              : 'It has no relations yet.'}
          </p>
        </Message>
      ) : graph ? (
        <>
          {graph.truncated && (
            <p className="graph-notice" role="status">
              Only the nearest {graph.nodes.length} entities are shown. Narrow the kinds or
              relations to see further.
            </p>
          )}
          {/* A new picture begins fitted. */}
          <GraphCanvas
            key={[...state.roots, state.depth, state.direction].join()}
            graph={graph}
            label={label}
          />
        </>
      ) : null}
    </div>
  );
}
