import { describe, expect, it } from 'vitest';
import { initialGraph, readGraph, writeGraph } from './state';

describe('graph addresses', () => {
  it('reads the names and list forms of the stock front-end', () => {
    const state = readGraph({
      'rootEntityRefs[]': ['component:default/A', 'api:default/b'],
      'selectedKinds[0]': 'API',
      selectedRelations: 'dependsOn',
      maxDepth: '∞',
      direction: 'TB',
      unidirectional: 'false',
      mergeRelations: 'true',
    });
    expect(state).toEqual({
      roots: ['component:default/a', 'api:default/b'],
      depth: 20,
      kinds: ['api'],
      relations: ['dependsOn'],
      direction: 'TB',
      merge: true,
      unidirectional: false,
      view: 'picture',
    });
    expect(readGraph(writeGraph(state) as Record<string, string | string[]>)).toEqual(state);
  });

  it('ignores nonsense and keeps what is not its own', () => {
    expect(readGraph({ maxDepth: 'many', direction: 'up' })).toEqual(initialGraph);
    expect(writeGraph(initialGraph, { maxDepth: '3', other: 'x' })).toEqual({ other: 'x' });
  });
});
