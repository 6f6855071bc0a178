import { useNavigate, useSearch } from '@tanstack/react-router';
import type { Entity } from '@/api/types';
import { formatRef, refOf, titleOf } from '@/catalog/ref';
import { GraphControls } from '@/graph/GraphControls';
import { GraphView } from '@/graph/GraphView';
import { initialGraph, readGraph, writeGraph, type GraphState } from '@/graph/state';

const initial: GraphState = { ...initialGraph, depth: 1 };

/** The relations around one entity as a picture. */
export default function GraphTab({ entity }: { entity: Entity }) {
  const raw = useSearch({ strict: false }) as Record<string, string | string[]>;
  const navigate = useNavigate();
  const state = { ...readGraph(raw, initial), roots: [formatRef(refOf(entity))] };
  const change = (next: GraphState) =>
    void navigate({
      to: '.',
      search: writeGraph({ ...next, roots: [] }, raw, initial) as never,
      replace: true,
      resetScroll: false,
    });
  return (
    <section aria-label="Graph">
      <div className="graph-bar">
        <GraphControls state={state} onChange={change} />
      </div>
      <GraphView state={state} label={`Relations of ${titleOf(entity)}`} />
    </section>
  );
}
