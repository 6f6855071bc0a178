import type { Graph } from '@/api/entity';
import { KindIcon } from '@/catalog/kinds';
import { entityPath, parseRef } from '@/catalog/ref';
import { AppLink } from '@/kit/AppLink';
import { lineLabel } from './lines';

/** The same relations as a table: for screen readers, small screens and searching. */
export function GraphList({ graph }: { graph: Graph }) {
  const titles = new Map(graph.nodes.map(({ ref, title }) => [ref, title]));
  return (
    <table className="mini-table graph-list">
      <thead>
        <tr>
          <th scope="col">From</th>
          <th scope="col">Relation</th>
          <th scope="col">To</th>
        </tr>
      </thead>
      <tbody>
        {graph.edges.map(({ from, to, relations }, at) => (
          <tr key={at}>
            <td>
              <End entityRef={from} title={titles.get(from)} />
            </td>
            <td className="muted">{lineLabel(relations)}</td>
            <td>
              <End entityRef={to} title={titles.get(to)} />
            </td>
          </tr>
        ))}
      </tbody>
    </table>
  );
}

function End({ entityRef, title }: { entityRef: string; title: string | undefined }) {
  const ref = parseRef(entityRef);
  return (
    <AppLink className="entity-link" href={entityPath(ref)} title={entityRef}>
      <KindIcon kind={ref.kind} size={14} />
      <span>{title || ref.name}</span>
    </AppLink>
  );
}
