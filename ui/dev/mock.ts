import type { Entity, FacetsBody, Predicate, QueryBody, QueryPage } from '../src/api/types';
import { answerAccess } from './access.ts';
import { entities } from './data.ts';

// Just enough of /api/catalog and /api/auth to work on pages without a server.
// The rules are those of the contract; speed and completeness are the server's.

/** A failure with the status and the error name of the envelope. */
export class MockError extends Error {
  constructor(
    readonly status: number,
    override readonly name: string,
    message: string,
  ) {
    super(message);
  }
}

function at(value: unknown, path: string): unknown {
  if (path === '') return value;
  if (typeof value !== 'object' || value === null || Array.isArray(value)) return undefined;
  for (const [key, inner] of Object.entries(value)) {
    if (path === key) return inner;
    if (path.startsWith(`${key}.`)) {
      const found = at(inner, path.slice(key.length + 1));
      if (found !== undefined) return found;
    }
  }
  return undefined;
}

function values(entity: Entity, path: string): string[] {
  if (path.startsWith('relations.')) {
    const type = path.slice('relations.'.length).toLowerCase();
    const all = entity.relations ?? [];
    return all.filter(r => r.type.toLowerCase() === type).map(r => r.targetRef);
  }
  const value = at(entity, path);
  if (value === undefined || value === null || (typeof value === 'object' && !Array.isArray(value)))
    return [];
  return (Array.isArray(value) ? value : [value]).map(String);
}

function matches(entity: Entity, predicate: Predicate | undefined): boolean {
  if (!predicate) return true;
  return Object.entries(predicate).every(([key, condition]) => {
    if (key === '$all') return (condition as Predicate[]).every(p => matches(entity, p));
    if (key === '$any') return (condition as Predicate[]).some(p => matches(entity, p));
    if (key === '$not') return !matches(entity, condition as Predicate);
    const have = values(entity, key).map(value => value.toLowerCase());
    if (typeof condition !== 'object') return have.includes(String(condition).toLowerCase());
    const operator = condition as { $in?: unknown[]; $exists?: boolean; $hasPrefix?: string };
    if (operator.$in) return operator.$in.some(value => have.includes(String(value).toLowerCase()));
    if (operator.$hasPrefix) {
      const prefix = operator.$hasPrefix.toLowerCase();
      return have.some(value => value.startsWith(prefix));
    }
    return have.length > 0 === operator.$exists;
  });
}

function fromFilters(filters: string[]): Predicate | undefined {
  if (filters.length === 0) return undefined;
  const any = filters.map((filter): Predicate => {
    const byKey = new Map<string, string[]>();
    for (const part of filter.split(',').filter(Boolean)) {
      const [key = '', ...rest] = part.split('=');
      byKey.set(key.trim(), [...(byKey.get(key.trim()) ?? []), rest.join('=').trim()]);
    }
    return { $all: [...byKey].map(([key, list]) => ({ [key]: { $in: list } })) };
  });
  return { $any: any };
}

function project(entity: Entity, fields: string[] | undefined): Entity {
  if (!fields?.length) return entity;
  const result: Record<string, unknown> = {};
  for (const field of fields) {
    const value = at(entity, field);
    if (value === undefined) continue;
    const keys = field.split('.');
    let target = result;
    for (const key of keys.slice(0, -1)) target = (target[key] ??= {}) as Record<string, unknown>;
    target[keys.at(-1) as string] = value;
  }
  return result as unknown as Entity;
}

interface Cursor {
  body: QueryBody;
  start: number;
}

function query(body: QueryBody): QueryPage {
  let start = 0;
  let asked = body;
  if (body.cursor) {
    try {
      const cursor = JSON.parse(Buffer.from(body.cursor, 'base64').toString()) as Cursor;
      asked = { ...cursor.body, limit: body.limit, fields: body.fields };
      start = cursor.start;
    } catch (cause) {
      throw new MockError(400, 'InputError', `Malformed cursor: ${String(cause)}`);
    }
  }
  const { term = '', fields: textFields = [] } = asked.fullTextFilter ?? {};
  const order = asked.orderBy ?? [];
  const hits = entities
    .filter(entity => matches(entity, asked.query))
    .filter(
      entity =>
        !term ||
        textFields.some(path =>
          values(entity, path).some(value => value.toLowerCase().includes(term.toLowerCase())),
        ),
    )
    .sort((a, b) => {
      for (const { field, order: way } of order) {
        const [x, y] = [values(a, field)[0]?.toLowerCase(), values(b, field)[0]?.toLowerCase()];
        if (x === y) continue;
        if (x === undefined || y === undefined) return x === undefined ? 1 : -1;
        return (x < y ? -1 : 1) * (way === 'desc' ? -1 : 1);
      }
      return 0;
    });
  const limit = asked.limit ?? hits.length;
  const cursor = (from: number) =>
    Buffer.from(JSON.stringify({ body: { ...asked, cursor: undefined }, start: from })).toString(
      'base64',
    );
  return {
    items: hits.slice(start, start + limit).map(entity => project(entity, asked.fields)),
    totalItems: hits.length,
    pageInfo: {
      ...(start + limit < hits.length ? { nextCursor: cursor(start + limit) } : {}),
      ...(start > 0 ? { prevCursor: cursor(Math.max(0, start - limit)) } : {}),
    },
  };
}

function queryOf(search: URLSearchParams): QueryBody {
  const term = search.get('fullTextFilterTerm');
  return {
    cursor: search.get('cursor') ?? undefined,
    limit: search.has('limit') ? Number(search.get('limit')) : undefined,
    fields: search.get('fields')?.split(','),
    query: fromFilters(search.getAll('filter')),
    orderBy: search.getAll('orderField').map(text => {
      const [field = '', order] = text.split(',');
      return { field, order: order === 'desc' ? 'desc' : 'asc' };
    }),
    fullTextFilter: term
      ? { term, fields: search.get('fullTextFilterFields')?.split(',') }
      : undefined,
  };
}

function facets({ facets: names, query: predicate }: FacetsBody) {
  const hits = entities.filter(entity => matches(entity, predicate));
  return {
    facets: Object.fromEntries(
      names.map(name => {
        const counts = new Map<string, number>();
        for (const entity of hits) {
          for (const value of values(entity, name)) counts.set(value, (counts.get(value) ?? 0) + 1);
        }
        return [name, [...counts].map(([value, count]) => ({ value, count }))];
      }),
    ),
  };
}

const guest = {
  profile: {},
  backstageIdentity: {
    token: 'mock-token',
    expiresInSeconds: 3600,
    identity: {
      type: 'user',
      userEntityRef: 'user:default/guest',
      ownershipEntityRefs: [
        'user:default/guest',
        'group:default/guests',
        'group:default/checkout-core',
      ],
    },
  },
};

const find = (ref: string) =>
  entities.find(
    ({ kind, metadata: m }) =>
      `${kind}:${m.namespace}/${m.name}`.toLowerCase() === ref.toLowerCase(),
  );

/** Answers one request; undefined means that the route is unknown. */
export function answer(
  method: string,
  path: string,
  search: URLSearchParams,
  body: unknown,
): unknown {
  switch (`${method} ${path}`) {
    case 'GET /api/auth/guest/refresh':
      return guest;
    case 'GET /api/catalog/entities/by-query':
      return query(queryOf(search));
    case 'POST /api/catalog/entities/by-query':
      return query(body as QueryBody);
    case 'POST /api/catalog/entity-facets':
      return facets(body as FacetsBody);
    case 'GET /api/catalog/kinds':
      return { kinds: [], relations: [] };
    case 'POST /api/catalog/entities/by-refs': {
      const { entityRefs, fields } = body as { entityRefs: string[]; fields?: string[] };
      return {
        items: entityRefs.map(find).map(entity => (entity ? project(entity, fields) : null)),
      };
    }
  }
  const named = /^\/api\/catalog\/entities\/by-name\/([^/]+)\/([^/]+)\/([^/]+)$/.exec(path);
  if (method === 'GET' && named) {
    const [, kind, namespace, name] = named.map(decodeURIComponent);
    const entity = find(`${kind}:${namespace}/${name}`);
    if (entity) return entity;
    throw new MockError(404, 'NotFoundError', `No entity named '${name}' found`);
  }
  return answerAccess(method, path, search, body);
}

/** The grant a page would be injected with, for a remembered guest. */
export function grant() {
  const { token, expiresInSeconds, identity } = guest.backstageIdentity;
  return { token, expiresInSeconds, provider: 'guest', ...identity };
}
