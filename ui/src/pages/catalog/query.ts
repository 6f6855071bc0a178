import { canonicalSearch, type ByQuery } from '@/api/catalog';
import type { FacetsBody, Predicate } from '@/api/types';
import { formatRef, parseRef } from '@/catalog/ref';
import { facetNames, type CatalogState, type FacetName } from './state';

/** What the user's session and browser add to the state of the address. */
export interface Viewer {
  ownershipRefs: readonly string[];
  starred: readonly string[];
}

/** The field behind each filter, as the API names it. */
export const facetFields: Record<FacetName, string> = {
  type: 'spec.type',
  owners: 'relations.ownedBy',
  lifecycles: 'spec.lifecycle',
  tags: 'metadata.tags',
  namespaces: 'metadata.namespace',
};

/** Everything the table's columns read, and no more: a page of 25 stays under 20 KB. */
export const fields = [
  'kind',
  'metadata.name',
  'metadata.namespace',
  'metadata.title',
  'metadata.description',
  'metadata.tags',
  'spec.type',
  'spec.lifecycle',
  'spec.owner',
  'spec.system',
  'spec.domain',
  'spec.parent',
  'spec.children',
  'spec.memberOf',
  'spec.profile',
  'spec.target',
  'spec.targets',
  'status',
];

const textFields = [
  'metadata.name',
  'metadata.title',
  'metadata.description',
  'spec.profile.displayName',
];

/** Groups need their relations too: who is a member is mostly said by the members. */
function fieldsFor(kind: string): string[] {
  return kind === 'group' ? [...fields, 'relations'] : fields;
}

/** The condition "one of these values", by field; all conditions must hold. */
type Conditions = [field: string, values: string[]][];

const ownerRef = (text: string) => formatRef(parseRef(text, { kind: 'group' }));

/**
 * The conditions that state and viewer ask for. `undefined` means that nothing can
 * match: a filter for owners of whom none is the viewer, or a viewer who owns nothing.
 */
function conditions(state: CatalogState, viewer: Viewer): Conditions | undefined {
  const result: Conditions = [];
  if (state.kind !== 'all') result.push(['kind', [state.kind]]);
  for (const name of facetNames) {
    if (name === 'owners') continue;
    const values = state.picked[name];
    if (values.length) result.push([facetFields[name], values]);
  }
  let owners = state.picked.owners.map(ownerRef);
  if (state.user === 'owned') {
    const mine = viewer.ownershipRefs.map(ref => ref.toLowerCase());
    owners = owners.length ? owners.filter(ref => mine.includes(ref)) : mine;
    if (owners.length === 0) return undefined;
  }
  if (owners.length) result.push([facetFields.owners, owners]);
  if (state.user === 'starred' && viewer.starred.length === 0) return undefined;
  return result;
}

function predicate(parts: Conditions, starred: readonly string[]): Predicate | undefined {
  const all: Predicate[] = parts.map(([field, values]) => ({
    [field]: values.length === 1 ? (values[0] ?? '') : { $in: values },
  }));
  if (starred.length) {
    all.push({
      $any: starred.map(text => {
        const { kind, namespace, name } = parseRef(text);
        return { kind, 'metadata.namespace': namespace, 'metadata.name': name };
      }),
    });
  }
  return all.length > 1 ? { $all: all } : all[0];
}

/** Commas and outer blanks mean something in a query-string filter, so such values go by POST. */
const plain = (value: string) => !value.includes(',') && value.trim() === value && value !== '';

function order(state: CatalogState) {
  const { field, desc } = state.sort;
  const first = { field, order: desc ? ('desc' as const) : ('asc' as const) };
  const byName = { field: 'metadata.name', order: 'asc' as const };
  return field === byName.field ? [first] : [first, byName];
}

/**
 * The request for the page that the state describes, or undefined when it is
 * certain to be empty. GET wherever possible: it can be injected and cached.
 */
export function pageRequest(state: CatalogState, viewer: Viewer): ByQuery | undefined {
  const parts = conditions(state, viewer);
  if (!parts) return undefined;
  const limit = state.limit;
  const wanted = fieldsFor(state.kind);
  if (state.cursor) {
    return {
      search: canonicalSearch([
        ['cursor', state.cursor],
        ['fields', wanted.join(',')],
        ['limit', String(limit)],
      ]),
    };
  }
  const starred = state.user === 'starred' ? viewer.starred : [];
  if (starred.length || !parts.every(([, values]) => values.every(plain))) {
    return {
      body: {
        query: predicate(parts, starred),
        orderBy: order(state),
        ...(state.text ? { fullTextFilter: { term: state.text, fields: textFields } } : {}),
        fields: wanted,
        limit,
      },
    };
  }
  const pairs: [string, string][] = [
    ['fields', wanted.join(',')],
    ['limit', String(limit)],
  ];
  const filter = parts.flatMap(([field, values]) => values.map(value => `${field}=${value}`));
  if (filter.length) pairs.push(['filter', filter.join(',')]);
  for (const { field, order: way } of order(state)) pairs.push(['orderField', `${field},${way}`]);
  if (state.text) {
    pairs.push(['fullTextFilterTerm', state.text], ['fullTextFilterFields', textFields.join(',')]);
  }
  return { search: canonicalSearch(pairs) };
}

/** The counts of entities by kind, under the filters that survive a change of kind. */
export function kindsRequest(state: CatalogState, viewer: Viewer): FacetsBody | undefined {
  const picked = { ...state.picked, type: [], lifecycles: [] };
  const parts = conditions({ ...state, kind: 'all', picked }, viewer);
  if (!parts) return undefined;
  const query = predicate(parts, state.user === 'starred' ? viewer.starred : []);
  return { facets: ['kind'], ...(query ? { query } : {}) };
}

/**
 * The counts beside the options of one filter: as the list would be with every
 * other filter applied. Filters that are not in use share one request.
 */
export function facetRequest(
  name: FacetName,
  state: CatalogState,
  viewer: Viewer,
): FacetsBody | undefined {
  const unused = facetNames.filter(other => state.picked[other].length === 0);
  const shared = unused.includes(name);
  const parts = conditions({ ...state, picked: { ...state.picked, [name]: [] } }, viewer);
  if (!parts) return undefined;
  const query = predicate(parts, state.user === 'starred' ? viewer.starred : []);
  const asked = shared ? unused : [name];
  return { facets: asked.map(other => facetFields[other]), ...(query ? { query } : {}) };
}
