import { infiniteQueryOptions, queryOptions } from '@tanstack/react-query';
import { api } from '@/app/services';
import { formatRef, type Ref } from '@/catalog/ref';
import type { Entity, Schemas, StatusItem } from './types';

const base = '/api/catalog';

const byNamePath = ({ kind, namespace, name }: Ref) =>
  `${base}/entities/by-name/${[kind, namespace, name].map(encodeURIComponent).join('/')}`;

/**
 * One entity. The key is ['entity', '<kind>:<namespace>/<name>'] in lower case, which
 * is how the server names the entity it injects into an entity page.
 */
export function entityByRef(ref: Ref) {
  return queryOptions({
    queryKey: ['entity', formatRef(ref)],
    queryFn: ({ signal }) => api.get<Entity>(byNamePath(ref), { signal }),
  });
}

export type Version = Schemas['Version'];
type History = Schemas['History'];
export type Diff = Schemas['Diff'];

/** The versions of an entity, newest first, page by page. */
export function historyOf(ref: Ref) {
  return infiniteQueryOptions({
    queryKey: ['history', formatRef(ref)],
    initialPageParam: 0,
    queryFn: ({ pageParam, signal }) =>
      api.get<History>(`${byNamePath(ref)}/history`, {
        signal,
        search: pageParam ? `before=${pageParam}` : '',
      }),
    getNextPageParam: page => page.nextBefore || undefined,
  });
}

/** What differs between two versions; without `from` the version before `to`. */
export function diffOf(ref: Ref, from: number | undefined, to: number) {
  const search = new URLSearchParams({ to: String(to) });
  if (from) search.set('from', String(from));
  return queryOptions({
    queryKey: ['diff', formatRef(ref), from ?? 0, to],
    queryFn: ({ signal }) =>
      api.get<Diff>(`${byNamePath(ref)}/history/diff`, { signal, search: search.toString() }),
    // Versions never change.
    staleTime: Infinity,
  });
}

export interface KindModel {
  kind: string;
  plural: string;
  title: string;
  description?: string;
  custom?: boolean;
}

export interface RelationModel {
  type: string;
  label: string;
  reverse: string;
}

/** The kinds and relation types of this portal, custom ones too. */
export function kindsModel() {
  return queryOptions({
    queryKey: ['kinds'],
    queryFn: ({ signal }) =>
      api.get<{ kinds: KindModel[]; relations: RelationModel[] }>(`${base}/kinds`, { signal }),
    staleTime: 600_000,
  });
}

export type Graph = Schemas['Graph'];
export type GraphNode = Graph['nodes'][number];
export type GraphEdge = Graph['edges'][number];

export interface GraphRequest {
  rootRefs: readonly string[];
  maxDepth: number;
  kinds?: readonly string[];
  relations?: readonly string[];
  direction?: string;
  mergeRelations?: boolean;
  unidirectional?: boolean;
  limit?: number;
}

/** Relations around some entities, laid out by the server. */
export function graphOf(request: GraphRequest) {
  const search = new URLSearchParams();
  request.rootRefs.forEach(ref => search.append('rootRefs', ref));
  search.set('maxDepth', String(request.maxDepth));
  request.kinds?.forEach(kind => search.append('kinds', kind));
  request.relations?.forEach(relation => search.append('relations', relation));
  if (request.direction) search.set('direction', request.direction);
  if (request.mergeRelations === false) search.set('mergeRelations', 'false');
  if (request.unidirectional === false) search.set('unidirectional', 'false');
  if (request.limit) search.set('limit', String(request.limit));
  return queryOptions({
    queryKey: ['graph', search.toString()],
    queryFn: ({ signal }) => api.get<Graph>(`${base}/graph`, { signal, search }),
  });
}

export interface Location {
  id: string;
  type: string;
  target: string;
  entityRef?: string;
}

/** The registered location with an origin, "type:target"; null when it is not a registered one. */
export function locationOf(origin: string) {
  const [, type = '', target = ''] = /^([^:]+):(.*)$/.exec(origin) ?? [];
  return queryOptions({
    queryKey: ['location-of', origin],
    queryFn: async ({ signal }) => {
      const page = await api.post<{ items: Location[] }>(`${base}/locations/by-query`, {
        signal,
        body: { query: { $all: [{ type }, { target }] }, limit: 1 },
      });
      return page.items[0] ?? null;
    },
    staleTime: 0,
  });
}

/** Asks that the entity and where it came from are read again now. */
export const refreshEntity = (entityRef: string) =>
  api.post<unknown>(`${base}/refresh`, { body: { entityRef } });

/** Removes an entity until its location is read again. */
export const deleteEntity = (uid: string) =>
  api.delete(`${base}/entities/by-uid/${encodeURIComponent(uid)}`);

/** Unregisters a location, and with it everything that only came through it. */
export const deleteLocation = (id: string) =>
  api.delete(`${base}/locations/${encodeURIComponent(id)}`);

export interface FieldState {
  field: string;
  state: string;
  value: string | null;
  description: string;
}

export interface Analysis {
  existingEntityFiles: { location: Location; isRegistered: boolean; entity: Entity }[];
  generateEntities: { entity: Entity; fields: FieldState[] }[];
}

/** What stands at a URL, and what an entity for it could look like. */
export function analysisOf(target: string) {
  return queryOptions({
    queryKey: ['analysis', target],
    queryFn: ({ signal }) =>
      api.post<Analysis>(`${base}/analyze-location`, {
        signal,
        body: { location: { type: 'url', target } },
      }),
    staleTime: 0,
    gcTime: 0,
    retry: false,
  });
}

export interface Trial {
  exists: boolean;
  location: Location;
  entities: Entity[];
  problems?: StatusItem[];
}

/** What registering a URL would bring; nothing is stored. */
export function trialOf(target: string) {
  return queryOptions({
    queryKey: ['trial', target],
    queryFn: ({ signal }) =>
      api.post<Trial>(`${base}/locations`, {
        signal,
        search: 'dryRun=true',
        body: { type: 'url', target },
      }),
    staleTime: 0,
    gcTime: 0,
    retry: false,
  });
}

/** Registers a URL; one that is registered already is read again instead. */
export const register = (target: string) =>
  api.post<{ location: Location; exists?: boolean }>(`${base}/locations`, {
    search: 'onConflict=refresh',
    body: { type: 'url', target },
  });

export interface ExplainedEntity {
  entityRef: string;
  uid: string;
  version: number;
  locationKey: string;
  parents: string[];
  orphan?: boolean;
  problems?: StatusItem[];
  since?: string;
}

export interface Refused {
  entityRef?: string;
  source: string;
  locationKey: string;
  line?: number;
  code: string;
  message: string;
  since: string;
}

export interface Conflict {
  entityRef: string;
  locationKey: string;
  parent: string;
  since: string;
  heldBy?: string;
}

export type Verdict =
  'present' | 'invalid' | 'pending' | 'refused' | 'conflict' | 'location' | 'unknown' | 'problems';

export interface Explanation {
  subject: string;
  verdict: Verdict;
  message: string;
  entity?: ExplainedEntity;
  conflicts?: Conflict[];
  refused?: Refused[];
  sources?: ExplainedEntity[];
  registered?: { id?: string; ID?: string; type?: string; target?: string };
  children?: number;
}

/** Why something is or is not in the catalog; without a subject, everything that was left out. */
export function explain(subject: { entityRef: string } | { target: string } | undefined) {
  const search = new URLSearchParams({ ...subject }).toString();
  return queryOptions({
    queryKey: ['explain', search],
    queryFn: ({ signal }) => api.get<Explanation>(`${base}/explain`, { signal, search }),
    staleTime: 0,
    retry: false,
  });
}

export interface UnprocessedEntity {
  entity_id: string;
  entity_ref: string;
  unprocessed_entity: Entity;
  processed_entity?: Entity;
  errors?: StatusItem[];
  location_key: string;
  last_discovery_at?: string;
}

/** Documents that never became an entity (failed) or wait to be processed. */
export function unprocessed(type: 'failed' | 'pending') {
  return queryOptions({
    queryKey: ['unprocessed', type],
    queryFn: async ({ signal }) => {
      const answer = await api.get<{ entities: UnprocessedEntity[] } | UnprocessedEntity[]>(
        `${base}/entities/unprocessed/${type}`,
        { signal },
      );
      return Array.isArray(answer) ? answer : answer.entities;
    },
    staleTime: 0,
  });
}
