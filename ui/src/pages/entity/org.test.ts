import { describe, expect, it } from 'vitest';
import type { Graph, GraphNode } from '@/api/entity';
import { orgTree, pathTo, subtree } from './org';

const node = (name: string, root = false): GraphNode => ({
  ref: `group:default/${name}`,
  name,
  root,
  x: 0,
  y: 0,
  width: 0,
  height: 0,
  rank: 0,
  depth: 0,
  found: true,
});

function graph(nodes: GraphNode[], ...edges: [string, string][]): Graph {
  return {
    width: 0,
    height: 0,
    truncated: false,
    nodes,
    edges: edges.map(([from, to]) => ({
      from: `group:default/${from}`,
      to: `group:default/${to}`,
      relations: ['parentOf'],
      points: [],
    })),
  };
}

describe('orgTree', () => {
  it('builds the tree from the top and finds the way to a group', () => {
    const trees = orgTree(
      graph(
        [node('b', true), node('all'), node('a'), node('b1')],
        ['all', 'b'],
        ['all', 'a'],
        ['b', 'b1'],
      ),
    );
    expect(trees.map(({ title }) => title)).toEqual(['all']);
    expect(trees[0]?.children.map(({ title }) => title)).toEqual(['a', 'b']);
    expect(pathTo(trees, 'group:default/b').map(({ title }) => title)).toEqual(['all', 'b']);
    expect(trees[0] && subtree(trees[0])).toHaveLength(4);
  });

  it('cuts a cycle', () => {
    const trees = orgTree(graph([node('a', true), node('b')], ['a', 'b'], ['b', 'a']));
    expect(trees).toHaveLength(1);
    expect(trees[0]?.children[0]?.children).toEqual([]);
  });
});
