import { describe, expect, it } from 'vitest';
import { relationGroups, relationHeading } from './relations';

describe('relations', () => {
  it('groups by type, known types first, every target once', () => {
    const groups = relationGroups([
      { type: 'zooms', targetRef: 'component:default/a' },
      { type: 'ownedBy', targetRef: 'group:default/team' },
      { type: 'dependsOn', targetRef: 'component:default/b' },
      { type: 'dependsOn', targetRef: 'component:default/a' },
      { type: 'dependsOn', targetRef: 'component:default/b' },
    ]);
    expect(groups).toEqual([
      { type: 'dependsOn', targets: ['component:default/a', 'component:default/b'] },
      { type: 'ownedBy', targets: ['group:default/team'] },
      { type: 'zooms', targets: ['component:default/a'] },
    ]);
  });

  it('names known, modelled and unknown types', () => {
    expect(relationHeading('dependencyOf')).toBe('Used by');
    expect(relationHeading('watches', { watches: 'keeps an eye on' })).toBe('Keeps an eye on');
    expect(relationHeading('deployedTo')).toBe('Deployed to');
  });
});
