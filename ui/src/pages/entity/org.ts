import type { Graph, GraphNode } from '@/api/entity';

/** A group with the groups below it. */
export interface OrgNode {
  ref: string;
  title: string;
  type?: string;
  found: boolean;
  children: OrgNode[];
}

const titleOfNode = ({ title, name }: GraphNode) => title || name || '';

/**
 * The hierarchy around a group, out of a graph of parentOf relations: its topmost
 * ancestors as trees. A cycle is cut where it closes.
 */
export function orgTree(graph: Graph): OrgNode[] {
  const children = new Map<string, string[]>();
  const below = new Set<string>();
  for (const { from, to } of graph.edges) {
    children.set(from, [...(children.get(from) ?? []), to]);
    below.add(to);
  }
  const nodes = new Map(graph.nodes.map(node => [node.ref, node]));
  const build = (ref: string, above: readonly string[]): OrgNode | undefined => {
    const node = nodes.get(ref);
    if (!node || above.includes(ref)) return undefined;
    const inside = (children.get(ref) ?? [])
      .map(child => build(child, [...above, ref]))
      .filter(child => child !== undefined)
      .sort((a, b) => a.title.localeCompare(b.title));
    return {
      ref,
      title: titleOfNode(node),
      type: node.type,
      found: node.found,
      children: inside,
    };
  };
  let roots = graph.nodes.filter(({ ref }) => !below.has(ref));
  // Nothing but a cycle has no top: begin at the group that was asked about.
  if (roots.length === 0) roots = graph.nodes.filter(({ root }) => root);
  return roots.map(({ ref }) => build(ref, [])).filter(node => node !== undefined);
}

/** The way from the top to a group, both included; empty when it is not in the trees. */
export function pathTo(trees: readonly OrgNode[], ref: string): OrgNode[] {
  for (const tree of trees) {
    if (tree.ref === ref) return [tree];
    const rest = pathTo(tree.children, ref);
    if (rest.length > 0) return [tree, ...rest];
  }
  return [];
}

/** A group and everything below it, as refs. */
export function subtree(node: OrgNode): string[] {
  return [...new Set([node.ref, ...node.children.flatMap(subtree)])];
}
