import { describe, expect, it } from 'vitest';
import { tabOf, tabsFor } from './tabs';

describe('tabs', () => {
  it('offers what a kind has', () => {
    expect(tabsFor('component').map(({ id }) => id)).toEqual([
      'overview',
      'relations',
      'graph',
      'history',
      'raw',
    ]);
    expect(tabsFor('group').map(({ id }) => id)).toContain('org');
    expect(tabsFor('api')[1]?.id).toBe('definition');
  });

  it.each([
    ['component', undefined, 'overview'],
    ['component', 'History', 'history'],
    ['component', 'api', 'relations'],
    ['api', 'api', 'definition'],
    ['system', 'diagram', 'graph'],
    ['component', 'definition', undefined],
    ['component', 'ci-cd', undefined],
  ])('reads the tab of a %s called %s', (kind, name, want) => {
    expect(tabOf(kind, name)).toBe(want);
  });
});
