import { describe, expect, it } from 'vitest';
import { addressOf, fullRef, readState, writeState } from './state';

describe('the state of the policy page', () => {
  it('is the default for an empty address', () => {
    expect(writeState(readState({}))).toEqual({});
    expect(readState({}).tab).toBe('sees');
  });

  it('survives the address', () => {
    const state = readState({
      tab: 'explain',
      user: 'Ada',
      entity: 'API:booking',
      permission: 'catalog.entity.delete',
    });
    expect(state).toMatchObject({ user: 'user:default/ada', entity: 'api:default/booking' });
    expect(readState(writeState(state))).toEqual(state);
  });

  it('takes nonsense for nothing', () => {
    expect(readState({ tab: 'x', user: 'a b', page: '-3', entity: ['a'] })).toEqual(readState({}));
  });

  it('leaves out what a tab does not use', () => {
    expect(addressOf({ tab: 'viewers', entity: 'api:default/x', user: 'user:default/a' })).toBe(
      '/admin/policy?tab=viewers&entity=api%3Adefault%2Fx',
    );
    expect(addressOf({})).toBe('/admin/policy');
  });
});

describe('fullRef', () => {
  it.each([
    ['ada', 'user', 'user:default/ada'],
    ['group:backstage/admin', 'user', 'group:backstage/admin'],
    ['', 'user', ''],
    [undefined, 'user', ''],
  ])('makes of %j %s', (text, kind, want) => expect(fullRef(text, kind)).toBe(want));
});
