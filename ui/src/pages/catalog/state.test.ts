import { describe, expect, it } from 'vitest';
import { parseSearch, stringifySearch } from '@/app/search';
import { initialState, readState, refine, toggled, withKind, writeState } from './state';

const read = (address: string) => readState(parseSearch(address));

describe('the address of the catalog page', () => {
  it('is all defaults when empty', () => {
    expect(read('')).toEqual(initialState);
  });

  it('understands links of the stock front-end', () => {
    const state = read(
      '?filters%5Bkind%5D=component&filters%5Buser%5D=owned&filters[owners]=group:default/a&filters[owners]=b&filters[tags][0]=go&filters[tags][1]=java&filters[type]=service&filters[lifecycles]=production&filters[namespaces]=default&filters[text]=pay',
    );
    expect(state).toMatchObject({
      kind: 'component',
      user: 'owned',
      text: 'pay',
      picked: {
        type: ['service'],
        owners: ['group:default/a', 'b'],
        tags: ['go', 'java'],
        lifecycles: ['production'],
        namespaces: ['default'],
      },
    });
  });

  it('survives being written and read again', () => {
    const state = {
      ...initialState,
      kind: 'api',
      user: 'starred' as const,
      picked: { ...initialState.picked, tags: ['c++', 'a&b'], owners: ['group:x/y'] },
      text: 'ü %',
      sort: { field: 'spec.type', desc: true },
      limit: 50,
      cursor: 'eyJ+/=',
      page: 3,
    };
    expect(read(stringifySearch(writeState(state)))).toEqual(state);
  });

  it('names only what differs from the default', () => {
    expect(stringifySearch(writeState(initialState))).toBe('?filters[kind]=component');
  });

  it('keeps parameters of others', () => {
    expect(writeState(initialState, { debug: '1', cursor: 'old' })).toEqual({
      'filters[kind]': 'component',
      debug: '1',
    });
  });

  it.each([
    ['?limit=7', { limit: 25 }],
    ['?limit=-1&page=9', { limit: 25, page: 1 }],
    ['?filters[user]=nobody', { user: 'all' }],
    ['?filters[type]=all', { picked: initialState.picked }],
    ['?filters[kind]=API', { kind: 'api' }],
  ])('makes sense of %s', (address, want) => {
    expect(read(address)).toMatchObject(want);
  });
});

describe('changes', () => {
  const deep = { ...initialState, cursor: 'c', page: 4 };

  it('start over at the first page', () => {
    expect(refine(deep, { text: 'x' })).toMatchObject({ text: 'x', cursor: undefined, page: 1 });
  });

  it('of kind keep owner and tags but not type and lifecycle', () => {
    const picked = { type: ['a'], lifecycles: ['b'], owners: ['c'], tags: ['d'], namespaces: [] };
    expect(withKind({ ...deep, picked }, 'system').picked).toEqual({
      type: [],
      lifecycles: [],
      owners: ['c'],
      tags: ['d'],
      namespaces: [],
    });
  });

  it('toggle values regardless of case', () => {
    expect(toggled(['Service'], 'service')).toEqual([]);
    expect(toggled(['a'], 'b')).toEqual(['a', 'b']);
  });
});
