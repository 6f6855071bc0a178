import type { Graph } from '@/api/entity';
import { EntityLink } from '@/catalog/EntityLink';
import { lineLabel } from './lines';

/** The same relations as a table: for screen readers, small screens and searching. */
export function GraphList({ graph }: { graph: Graph }) {
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
              <EntityLink to={from} defaults={{}} icon />
            </td>
            <td className="muted">{lineLabel(relations)}</td>
            <td>
              <EntityLink to={to} defaults={{}} icon />
            </td>
          </tr>
        ))}
      </tbody>
    </table>
  );
}
