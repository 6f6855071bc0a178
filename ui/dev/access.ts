import { createHash } from 'node:crypto';
import { entities } from './data.ts';

// Just enough of /api/permission and /api/audit to work on pages without a server: one
// policy, everything allowed to whoever asks, a log of made-up events.

const file = 'policy.yaml';

const statements = [
  {
    source: { file, line: 6, statement: 'administrators may do everything' },
    text: 'allow everything for group:backstage/admin',
    effect: 'allow',
    match: { group: ['group:backstage/admin'] },
  },
  {
    source: { file, line: 11, statement: 'creating and deleting is for administrators' },
    text: 'deny create, delete of catalog.*',
    effect: 'deny',
    match: { permission: ['catalog.*'], action: ['create', 'delete'] },
  },
  {
    source: { file, line: 17, statement: 'what everybody reads' },
    text: 'allow catalog.entity.read when …',
    effect: 'allow',
    match: { permission: ['catalog.entity.read'] },
    when: {
      anyOf: [
        {
          rule: 'IS_ENTITY_KIND',
          resourceType: 'catalog-entity',
          params: { kinds: ['Domain', 'Component', 'System', 'API', 'Group', 'User'] },
        },
        {
          allOf: [
            {
              rule: 'IS_ENTITY_KIND',
              resourceType: 'catalog-entity',
              params: { kinds: ['Template'] },
            },
            {
              rule: 'IS_GROUP_IN_TAG',
              resourceType: 'catalog-entity',
              params: { namespace: 'backstage', claims: '$ownerRefs' },
            },
          ],
        },
        {
          rule: 'IS_ENTITY_OWNER',
          resourceType: 'catalog-entity',
          params: { claims: '$ownerRefs' },
        },
      ],
    },
  },
];

const why = [
  'it is about other users and groups',
  'it is about other actions',
  'it is about everybody',
];
const ownership = ['user:default/guest', 'group:default/guests', 'group:default/checkout-core'];
const condition = statements[2]?.when;
const last = statements[2]?.source;
const reason = 'allowed under conditions by: what everybody reads';

interface Question {
  user?: string;
  permission: string;
  resourceRef?: string;
}

function explain({ user, permission, resourceRef }: Question) {
  return {
    user: user ?? 'user:default/guest',
    ownership,
    permission: { name: permission, action: 'read', resourceType: 'catalog-entity' },
    resourceRef,
    result: resourceRef ? 'ALLOW' : 'CONDITIONAL',
    reason,
    source: last,
    statements: statements.map(({ source }, at) => ({
      source,
      matched: at === 2,
      decided: at === 2,
      why: why[at],
      ...(at === 2 ? { without: 'DENY', holds: true } : {}),
    })),
    condition: resourceRef ? undefined : condition,
    verdicts: resourceRef && {
      op: 'anyOf',
      holds: true,
      children: [
        { rule: 'IS_ENTITY_KIND', params: { kinds: ['Component', 'API'] }, holds: true },
        {
          op: 'allOf',
          holds: false,
          children: [
            { rule: 'IS_ENTITY_KIND', params: { kinds: ['Template'] }, holds: false },
            {
              rule: 'IS_GROUP_IN_TAG',
              params: { namespace: 'backstage', claims: ownership },
              holds: false,
            },
          ],
        },
        { rule: 'IS_ENTITY_OWNER', params: { claims: ownership }, holds: true },
      ],
    },
  };
}

function visible(user: string) {
  const counts = new Map<string, number>();
  for (const { kind } of entities) counts.set(kind, (counts.get(kind) ?? 0) + 1);
  const hidden = new Set(['Location', 'Resource']);
  const kinds = [...counts].map(([kind, total]) => ({
    kind,
    total,
    visible: hidden.has(kind) ? 0 : kind === 'Template' ? Math.floor(total / 2) : total,
  }));
  const sum = (pick: (row: (typeof kinds)[number]) => number) =>
    kinds.reduce((all, row) => all + pick(row), 0);
  return {
    user,
    ownership,
    result: 'CONDITIONAL',
    reason,
    source: last,
    visible: sum(row => row.visible),
    total: sum(row => row.total),
    kinds,
  };
}

function viewers(resourceRef: string, result: string, limit: number, offset: number) {
  const users = entities.filter(({ kind }) => kind === 'User');
  const items = users.map(({ metadata, spec }, at) => ({
    user: `user:${metadata.namespace}/${metadata.name}`,
    displayName: spec?.profile?.displayName,
    result: at % 4 === 3 ? 'DENY' : 'ALLOW',
    reason: at % 4 === 3 ? 'no statement allows it' : 'its condition holds: what everybody reads',
    source: at % 4 === 3 ? null : last,
  }));
  return {
    resourceRef,
    permission: 'catalog.entity.read',
    total: items.length,
    allowed: items.filter(({ result }) => result === 'ALLOW').length,
    items: items.filter(item => !result || item.result === result).slice(offset, offset + limit),
  };
}

const hash = (text: string) => createHash('sha256').update(text).digest('hex');
const names: [plugin: string, name: string, severity: string, status: string, target: string][] = [
  ['auth', 'sign-in', 'medium', 'succeeded', 'user:default/guest'],
  ['catalog', 'entity-mutate', 'medium', 'succeeded', 'component:default/checkout-api'],
  ['permission', 'authorize', 'high', 'failed', 'template:default/data-pipeline'],
  ['catalog', 'location-mutate', 'medium', 'failed', 'url:https://example.com/catalog-info.yaml'],
  ['audit', 'event-read', 'low', 'succeeded', ''],
  ['auth', 'sign-in', 'high', 'failed', ''],
];
const begun = Date.UTC(2026, 10, 20, 9, 30);
const log = Array.from({ length: 130 }, (_, at) => {
  const [plugin = '', name = '', severity, status, target] = names[at % names.length] ?? [];
  return {
    id: `event-${at + 1}`,
    seq: at + 1,
    at: new Date(begun + at * 341_000).toISOString(),
    plugin,
    name,
    severity,
    status,
    actor: {
      kind: name === 'sign-in' && status === 'failed' ? '' : 'user',
      subject: name === 'sign-in' && status === 'failed' ? '' : 'user:default/ada.becker.0',
      via: '',
      ip: '192.0.2.17',
      userAgent: 'Mozilla/5.0 (X11; Linux x86_64) Firefox/144.0',
    },
    target,
    reason: status === 'failed' ? 'denied by: creating and deleting is for administrators' : '',
    meta: { attempt: at, location: 'checkout' },
    request: { id: hash(`r${at}`).slice(0, 16), method: 'POST', path: `/api/${plugin}` },
    previous: at === 0 ? '' : hash(String(at - 1)),
    hash: hash(String(at)),
  };
});

function events(search: URLSearchParams) {
  const found = log.filter(
    event =>
      (['plugin', 'target', 'status', 'severity'] as const).every(
        name => !search.get(name) || event[name] === search.get(name),
      ) &&
      (!search.get('event') || event.name === search.get('event')) &&
      (!search.get('actor') || event.actor.subject === search.get('actor')) &&
      (!search.get('text') || JSON.stringify(event).includes(search.get('text') ?? '')),
  );
  const start = Number(search.get('cursor') ?? 0);
  return {
    items: found.reverse().slice(start, start + 50),
    ...(start + 50 < found.length ? { nextCursor: String(start + 50) } : {}),
  };
}

/** Answers one request about permissions, the log or consent; undefined for an unknown route. */
export function answerAccess(
  method: string,
  path: string,
  search: URLSearchParams,
  body: unknown,
): unknown {
  switch (`${method} ${path}`) {
    case 'POST /api/permission/authorize': {
      const { items } = body as { items: { id: string }[] };
      return { items: items.map(({ id }) => ({ id, result: 'ALLOW' })) };
    }
    case 'POST /api/permission/explain':
      return explain(body as Question);
    case 'GET /api/permission/explain/visible':
      return visible(search.get('user') ?? 'user:default/guest');
    case 'GET /api/permission/explain/viewers':
      return viewers(
        search.get('resourceRef') ?? '',
        search.get('result') ?? '',
        Number(search.get('limit') ?? 50),
        Number(search.get('offset') ?? 0),
      );
    case 'GET /api/permission/policy':
      return {
        enabled: true,
        file,
        loadedAt: new Date(Date.now() - 540_000).toISOString(),
        statements,
        problem: {
          message: 'policy.yaml:23:9: unknown rule "IS_OWNER_OF"; did you mean IS_ENTITY_OWNER?',
          file,
          line: 23,
        },
      };
    case 'GET /api/catalog/.well-known/backstage/permissions/metadata':
      return {
        permissions: ['read', 'create', 'delete', 'refresh'].map(name => ({
          name: `catalog.entity.${name}`,
          attributes: { action: name === 'refresh' ? 'update' : name },
          ...(name === 'create'
            ? { type: 'basic' }
            : { type: 'resource', resourceType: 'catalog-entity' }),
        })),
      };
    case 'GET /api/permission/.well-known/backstage/permissions/metadata':
    case 'GET /api/audit/.well-known/backstage/permissions/metadata':
      return { permissions: [] };
    case 'GET /api/audit/events':
      return events(search);
    case 'GET /api/audit/verify':
      return {
        ok: true,
        checked: log.length,
        first: 1,
        unsealed: 0,
        head: { seq: log.length, hash: log.at(-1)?.hash },
      };
    case 'GET /api/auth/v1/sessions/dev':
      return {
        id: 'dev',
        clientName: 'Harbour agent',
        redirectUri: 'http://127.0.0.1:8912/callback',
        scope: 'openid offline_access',
      };
  }
  const event = /^\/api\/audit\/events\/([^/]+)$/.exec(path);
  return method === 'GET' && event ? log.find(({ id }) => id === event[1]) : undefined;
}
