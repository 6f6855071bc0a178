import { describe, expect, it } from 'vitest';
import { entityPath, formatRef, parseRef, shortRef } from './ref';

describe('refs', () => {
  it.each([
    ['component:default/pay', { kind: 'component', namespace: 'default', name: 'pay' }],
    ['team-a', { kind: 'group', namespace: 'default', name: 'team-a' }],
    ['user:Bob', { kind: 'user', namespace: 'default', name: 'Bob' }],
    ['other/team-a', { kind: 'group', namespace: 'other', name: 'team-a' }],
  ])('reads %s', (text, want) => {
    expect(parseRef(text, { kind: 'group' })).toEqual(want);
  });

  it('formats in lower case and shortens what is expected', () => {
    expect(formatRef({ kind: 'API', namespace: 'Default', name: 'Pay' })).toBe('api:default/pay');
    expect(shortRef({ kind: 'group', namespace: 'default', name: 'a' }, 'group')).toBe('a');
    expect(shortRef({ kind: 'user', namespace: 'x', name: 'a' }, 'group')).toBe('user:x/a');
  });

  it('makes the address of a page', () => {
    expect(entityPath({ kind: 'api', namespace: 'default', name: 'a b' })).toBe(
      '/catalog/default/api/a%20b',
    );
  });
});
