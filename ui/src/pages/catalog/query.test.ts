import { describe, expect, it, vi } from 'vitest';
import firstQueries from '../../../public/first-queries.json';
import { facetRequest, fields, kindsRequest, pageRequest } from './query';
import { initialState, type CatalogState } from './state';

vi.mock('@/app/services', () => ({ api: {} }));

const viewer = { ownershipRefs: ['user:default/guest', 'group:default/guests'], starred: [] };
const state = (change: Partial<CatalogState>) => ({ ...initialState, ...change });
const picked = (change: Partial<CatalogState['picked']>) =>
  state({ picked: { ...initialState.picked, ...change } });
const search = (of: CatalogState, by = viewer) => {
  const request = pageRequest(of, by);
  return request && 'search' in request ? new URLSearchParams(request.search) : undefined;
};

describe('the page request', () => {
  it('of the first page is the canonical string that the server injects', () => {
    const list = fields.join('%2C');
    expect(pageRequest(initialState, viewer)).toEqual({
      search: `fields=${list}&filter=kind%3Dcomponent&limit=25&orderField=metadata.name%2Casc`,
    });
  });

  it('of the first page is what public/first-queries.json tells the server to inject', () => {
    const [page, kinds] = firstQueries['/catalog'];
    const request = pageRequest(initialState, viewer);
    const search = request && 'search' in request ? request.search : '';
    expect(page).toEqual({
      key: ['by-query', search],
      get: `/api/catalog/entities/by-query?${search}`,
    });
    expect(kinds?.key).toEqual(['facets', JSON.stringify(kindsRequest(initialState, viewer))]);
  });

  it('joins different filters by AND and values of one by OR', () => {
    const of = picked({ type: ['service', 'website'], owners: ['team-a'] });
    expect(search(of)?.getAll('filter')).toEqual([
      'kind=component,spec.type=service,spec.type=website,relations.ownedBy=group:default/team-a',
    ]);
  });

  it('sorts by name within equal values', () => {
    const of = state({ sort: { field: 'spec.type', desc: true } });
    expect(search(of)?.getAll('orderField')).toEqual(['spec.type,desc', 'metadata.name,asc']);
  });

  it('turns owned into the refs of the viewer', () => {
    expect(search(state({ user: 'owned' }))?.get('filter')).toContain(
      'relations.ownedBy=user:default/guest,relations.ownedBy=group:default/guests',
    );
  });

  it('intersects owned with an owner filter', () => {
    const of = { ...picked({ owners: ['guests', 'team-a'] }), user: 'owned' as const };
    expect(search(of)?.get('filter')).toBe('kind=component,relations.ownedBy=group:default/guests');
  });

  it('is not sent when nothing can match', () => {
    const of = { ...picked({ owners: ['team-a'] }), user: 'owned' as const };
    expect(pageRequest(of, viewer)).toBeUndefined();
    expect(pageRequest(state({ user: 'starred' }), viewer)).toBeUndefined();
  });

  it('carries only cursor, fields and limit on a later page', () => {
    const of = state({ cursor: 'abc', text: 'x' });
    expect([...(search(of)?.keys() ?? [])]).toEqual(['cursor', 'fields', 'limit']);
  });

  it('goes by POST for starred entities and for values that a filter cannot say', () => {
    const starred = { ...viewer, starred: ['component:default/pay'] };
    expect(pageRequest(state({ user: 'starred' }), starred)).toMatchObject({
      body: {
        query: {
          $all: [
            { kind: 'component' },
            {
              $any: [
                { kind: 'component', 'metadata.namespace': 'default', 'metadata.name': 'pay' },
              ],
            },
          ],
        },
      },
    });
    expect(pageRequest(picked({ type: ['a,b'] }), viewer)).toHaveProperty('body.query');
  });
});

describe('counts', () => {
  it('by kind keep the filters that survive a change of kind', () => {
    expect(kindsRequest(picked({ type: ['service'], tags: ['go'] }), viewer)).toEqual({
      facets: ['kind'],
      query: { 'metadata.tags': 'go' },
    });
    expect(kindsRequest(initialState, viewer)).toEqual({ facets: ['kind'] });
  });

  it('of unused filters share one request', () => {
    const of = picked({ tags: ['go'] });
    expect(facetRequest('type', of, viewer)).toEqual(facetRequest('owners', of, viewer));
  });

  it('of a filter in use leave that filter out', () => {
    expect(facetRequest('tags', picked({ tags: ['go'], type: ['x'] }), viewer)).toEqual({
      facets: ['metadata.tags'],
      query: { $all: [{ kind: 'component' }, { 'spec.type': 'x' }] },
    });
  });
});
