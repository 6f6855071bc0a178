import { queryOptions } from '@tanstack/react-query';
import { api } from '@/app/services';
import type { Entity, Facets, FacetsBody, QueryBody, QueryPage } from './types';

const base = '/api/catalog';

/** A by-query request: GET with a canonical query string where that can say it, else POST. */
export type ByQuery = { search: string } | { body: QueryBody };

/** The canonical query string: keys sorted, values in the order given. */
export function canonicalSearch(pairs: [key: string, value: string][]): string {
  const search = new URLSearchParams(pairs);
  search.sort();
  return search.toString();
}

/**
 * One page of entities. The key of a GET is ['by-query', <canonical query string>],
 * which is how the server names the page it injects.
 */
export function byQuery(request: ByQuery) {
  const key = 'search' in request ? request.search : JSON.stringify(request.body);
  return queryOptions({
    queryKey: ['by-query', key],
    queryFn: ({ signal }) =>
      'search' in request
        ? api.get<QueryPage>(`${base}/entities/by-query`, { search: request.search, signal })
        : api.post<QueryPage>(`${base}/entities/by-query`, { body: request.body, signal }),
  });
}

/** Value counts; the key is ['facets', <JSON of the body>]. */
export function facets(body: FacetsBody) {
  return queryOptions({
    queryKey: ['facets', JSON.stringify(body)],
    queryFn: ({ signal }) => api.post<Facets>(`${base}/entity-facets`, { body, signal }),
  });
}

/** Several entities by ref, in order, null where one is missing or not visible. */
export function byRefs(entityRefs: string[], fields?: string[]) {
  return queryOptions({
    queryKey: ['by-refs', entityRefs, fields],
    queryFn: ({ signal }) =>
      api.post<{ items: (Entity | null)[] }>(`${base}/entities/by-refs`, {
        body: { entityRefs, fields },
        signal,
      }),
  });
}
