/** Query parameters of an address, flat: a repeated parameter is a list. */
export type RawSearch = Record<string, string | string[]>;

export type Personal = 'all' | 'owned' | 'starred';

/** The filters that pick from a list of values, by their name in the address. */
export const facetNames = ['type', 'owners', 'lifecycles', 'tags', 'namespaces'] as const;
export type FacetName = (typeof facetNames)[number];

/** Everything the catalog page shows follows from this, and the address holds all of it. */
export interface CatalogState {
  /** Lower case; "all" means every kind. */
  kind: string;
  user: Personal;
  picked: Record<FacetName, string[]>;
  text: string;
  sort: { field: string; desc: boolean };
  limit: number;
  /** The page's cursor; without one it is the first page. */
  cursor?: string;
  /** The page's number, for display and for going back; 1 for the first. */
  page: number;
}

export const pageSizes = [25, 50, 100];
export const initialState: CatalogState = {
  kind: 'component',
  user: 'all',
  picked: { type: [], owners: [], lifecycles: [], tags: [], namespaces: [] },
  text: '',
  sort: { field: 'metadata.name', desc: false },
  limit: 25,
  page: 1,
};

const filterKey = /^filters\[([^\]]+)\](?:\[\d*\])?$/;
const own = new Set(['sort', 'limit', 'cursor', 'page']);

function list(value: string | string[] | undefined): string[] {
  if (value === undefined) return [];
  return Array.isArray(value) ? value : [value];
}

function positive(text: string | undefined): number | undefined {
  const number = Number(text);
  return Number.isInteger(number) && number > 0 ? number : undefined;
}

/**
 * Reads the page's state out of an address. The names are those of Backstage's
 * catalog page, so that bookmarks work, in every form it has written them:
 * filters[kind]=x, filters[owners]=a&filters[owners]=b, filters[owners][0]=a.
 */
export function readState(raw: RawSearch): CatalogState {
  const filters = new Map<string, string[]>();
  for (const [key, value] of Object.entries(raw)) {
    const name = filterKey.exec(key)?.[1];
    if (name) filters.set(name, [...(filters.get(name) ?? []), ...list(value)]);
  }
  const one = (name: string) => filters.get(name)?.[0] ?? '';
  const many = (name: string) => [...new Set(filters.get(name)?.filter(Boolean))];
  const user = one('user');
  const sort = list(raw.sort)[0];
  const limit = positive(list(raw.limit)[0]) ?? initialState.limit;
  return {
    kind: one('kind').toLowerCase() || initialState.kind,
    user: user === 'owned' || user === 'starred' ? user : 'all',
    picked: {
      type: many('type').filter(type => type !== 'all'),
      owners: many('owners'),
      lifecycles: many('lifecycles'),
      tags: many('tags'),
      namespaces: many('namespaces').concat(filters.has('namespaces') ? [] : many('namespace')),
    },
    text: one('text'),
    sort: sort ? { field: sort.replace(/^-/, ''), desc: sort.startsWith('-') } : initialState.sort,
    limit: pageSizes.includes(limit) ? limit : initialState.limit,
    cursor: list(raw.cursor)[0] || undefined,
    page: raw.cursor ? (positive(list(raw.page)[0]) ?? 1) : 1,
  };
}

/**
 * Writes state into an address, leaving out what is the default. Parameters in
 * `keep` that do not belong to the page survive.
 */
export function writeState(state: CatalogState, keep: RawSearch = {}): RawSearch {
  const raw: RawSearch = {};
  for (const [key, value] of Object.entries(keep)) {
    if (!filterKey.test(key) && !own.has(key)) raw[key] = value;
  }
  raw['filters[kind]'] = state.kind;
  if (state.user !== 'all') raw['filters[user]'] = state.user;
  for (const name of facetNames) {
    const values = state.picked[name];
    if (values.length) raw[`filters[${name}]`] = values.length === 1 ? (values[0] ?? '') : values;
  }
  if (state.text) raw['filters[text]'] = state.text;
  const { field, desc } = state.sort;
  if (field !== initialState.sort.field || desc) raw.sort = desc ? `-${field}` : field;
  if (state.limit !== initialState.limit) raw.limit = String(state.limit);
  if (state.cursor) {
    raw.cursor = state.cursor;
    raw.page = String(state.page);
  }
  return raw;
}

/** A change of filter, sort or page size starts over at the first page. */
export function refine(state: CatalogState, change: Partial<CatalogState>): CatalogState {
  return { ...state, ...change, cursor: undefined, page: 1 };
}

/** Another kind keeps the filters that mean the same everywhere and drops the others. */
export function withKind(state: CatalogState, kind: string): CatalogState {
  return refine(state, {
    kind,
    picked: { ...state.picked, type: [], lifecycles: [] },
    sort: initialState.sort,
  });
}

export function toggled(values: string[], value: string): string[] {
  const same = (other: string) => other.toLowerCase() === value.toLowerCase();
  return values.some(same) ? values.filter(other => !same(other)) : [...values, value];
}

/** How many filters besides the kind narrow the list. */
export function countFilters(state: CatalogState): number {
  const picked = facetNames.filter(name => state.picked[name].length > 0).length;
  return picked + (state.text ? 1 : 0) + (state.user === 'all' ? 0 : 1);
}
