import type { Entity, Relation } from '../src/api/types';

// A made-up organisation, the same at every start: large enough to page through,
// odd enough to show long names, missing fields and a custom kind.

let seed = 7;
const random = () => {
  seed = (seed * 1103515245 + 12345) % 2147483648;
  return seed / 2147483648;
};
const pick = <T>(list: readonly T[]): T => list[Math.floor(random() * list.length)] as T;
const some = <T>(list: readonly T[], most: number) => [
  ...new Set(Array.from({ length: Math.floor(random() * (most + 1)) }, () => pick(list))),
];

const areas = [
  'checkout',
  'catalogue',
  'payments',
  'identity',
  'search',
  'shipping',
  'loyalty',
  'pricing',
  'media',
  'fraud',
  'support',
  'billing',
];
const parts = [
  'gateway',
  'worker',
  'api',
  'ledger',
  'events',
  'console',
  'sync',
  'cache',
  'reports',
  'scheduler',
  'webhooks',
  'importer',
  'rules',
  'notifier',
];
const tags = [
  'go',
  'java',
  'typescript',
  'python',
  'grpc',
  'kafka',
  'pci',
  'tier-1',
  'tier-2',
  'batch',
  'public',
  'postgres',
];
const first = [
  'Ada',
  'Björn',
  'Chidi',
  'Dana',
  'Emre',
  'Fatima',
  'Grace',
  'Hiro',
  'Ines',
  'Jonas',
  'Kira',
  'Liam',
  'Mina',
  'Noor',
  'Olga',
  'Pavel',
];
const last = [
  'Almeida',
  'Becker',
  'Costa',
  'Dubois',
  'Eriksen',
  'Fischer',
  'Garcia',
  'Haddad',
  'Ito',
  'Jansen',
  'Kowalski',
  'Lindqvist',
];
const does = [
  'Takes',
  'Keeps',
  'Publishes',
  'Reconciles',
  'Answers questions about',
  'Imports',
  'Renders',
  'Guards',
];

const title = (name: string) =>
  name.replace(
    /(^|-)(\w)/g,
    (_, dash: string, char: string) => (dash ? ' ' : '') + char.toUpperCase(),
  );

export const entities: Entity[] = [];
const add = (kind: string, name: string, spec: Entity['spec'], metadata: object = {}) =>
  entities.push({
    apiVersion: 'backstage.io/v1alpha1',
    kind,
    metadata: { namespace: 'default', name, ...metadata } as Entity['metadata'],
    spec,
  });

const teams = areas.flatMap(area => [`${area}-core`, `${area}-growth`]);
add('Group', 'engineering', { type: 'department', children: [] }, { title: 'Engineering' });
for (const area of areas)
  add(
    'Group',
    area,
    { type: 'product-area', parent: 'engineering', children: [] },
    { title: title(area), description: `Everything about ${area}` },
  );
for (const team of teams)
  add(
    'Group',
    team,
    {
      type: 'team',
      parent: team.split('-')[0],
      children: [],
      profile: { displayName: title(team), email: `${team}@example.com` },
    },
    { description: `Builds and runs the ${team.split('-')[0]} products` },
  );
add('Group', 'guests', { type: 'team', children: [] });
add('User', 'guest', { memberOf: ['guests', 'checkout-core'] }, {});
for (let at = 0; at < 140; at++) {
  const [a, b] = [pick(first), pick(last)];
  add(
    'User',
    `${a}.${b}.${at}`
      .toLowerCase()
      .normalize('NFD')
      .replace(/[^a-z0-9.]/g, ''),
    {
      profile: { displayName: `${a} ${b}`, email: `${a}.${b}@example.com`.toLowerCase() },
      memberOf: [pick(teams), ...some(teams, 1)],
    },
  );
}
for (const area of areas)
  add(
    'Domain',
    area,
    { owner: area },
    { title: title(area), description: `What ${area} means to a customer` },
  );
const systems = areas.flatMap(area =>
  ['platform', 'experience', 'insights'].map(kind => `${area}-${kind}`),
);
for (const system of systems)
  add(
    'System',
    system,
    { owner: pick(teams), domain: system.split('-')[0] },
    {
      description: `The ${system.split('-')[1]} side of ${system.split('-')[0]}`,
      tags: some(tags, 2),
    },
  );
const lifecycle = () =>
  pick(['production', 'production', 'production', 'production', 'experimental', 'deprecated']);
for (const area of areas)
  for (const part of parts)
    for (const suffix of ['', '-v2', '-batch', '-ui', '-lib', '-edge', '-admin'].slice(
      0,
      2 + Math.floor(random() * 6),
    )) {
      const name = `${area}-${part}${suffix}`;
      const type =
        suffix === '-ui' || suffix === '-admin'
          ? 'website'
          : suffix === '-lib'
            ? 'library'
            : pick(['service', 'service', 'service', 'worker']);
      add(
        'Component',
        name,
        {
          type,
          lifecycle: lifecycle(),
          owner: random() < 0.06 ? 'user:ada.becker.0' : `${area}-${pick(['core', 'growth'])}`,
          system: `${area}-${pick(['platform', 'experience', 'insights'])}`,
        },
        {
          description: `${pick(does)} ${part === 'api' ? 'requests' : part} for ${area}${random() < 0.3 ? ', with a fallback for the regions that are still on the old platform' : ''}`,
          tags: some(tags, 4),
          ...(random() < 0.04 ? { namespace: 'labs' } : {}),
          ...(random() < 0.1 ? { title: title(name) } : {}),
        },
      );
      if (random() < 0.02)
        (entities.at(-1) as Entity).status = {
          items: [
            {
              type: 'backstage.io/catalog-processing',
              level: 'error',
              message: 'InputError: catalog-info.yaml:14: spec.owner must be a string',
            },
          ],
        };
      if (part === 'api' || random() < 0.15)
        add(
          'API',
          `${name}-api`,
          {
            type: pick(['openapi', 'openapi', 'grpc', 'asyncapi', 'graphql']),
            lifecycle: lifecycle(),
            owner: `${area}-core`,
            system: `${area}-platform`,
            definition: '…',
          },
          { description: `How to talk to ${name}`, tags: some(tags, 2) },
        );
      if (random() < 0.2)
        add(
          'Resource',
          `${name}-db`,
          {
            type: pick(['database', 's3-bucket', 'queue', 'cache']),
            owner: `${area}-core`,
            system: `${area}-platform`,
          },
          { description: `State of ${name}` },
        );
    }
add(
  'Component',
  'a-name-as-long-as-names-may-get-which-is-sixty-three-characters',
  {
    type: 'service',
    lifecycle: 'experimental',
    owner: 'group:labs/skunkworks',
    system: 'checkout-experience',
  },
  { description: 'Tests the patience of every table' },
);
for (const name of ['go-service', 'react-website', 'data-pipeline'])
  add(
    'Template',
    name,
    { owner: 'engineering', type: 'service' },
    {
      title: title(name),
      description: `A new ${name.replace('-', ' ')} in five minutes`,
      tags: ['recommended'],
    },
  );
for (let at = 0; at < 18; at++)
  add('Location', `generated-${(at * 7919 + 4096).toString(16)}`, {
    type: 'url',
    target: `https://github.com/example/${pick(areas)}-${pick(parts)}/blob/main/catalog-info.yaml`,
  });
for (const area of areas)
  add(
    'DataProduct',
    `${area}-facts`,
    { type: 'dataset', lifecycle: lifecycle(), owner: `${area}-core` },
    { description: `The facts about ${area}, daily` },
  );

const full = (text: string, kind: string) =>
  text.includes(':') ? text : `${kind}:default/${text}`;
const byRef = new Map(entities.map(entity => [refOf(entity), entity]));
function refOf({ kind, metadata }: Entity) {
  return `${kind}:${metadata.namespace}/${metadata.name}`.toLowerCase();
}
function relate(source: Entity, type: string, target: string, inverse: string) {
  const link = (entity: Entity | undefined, relation: Relation) =>
    entity && (entity.relations = [...(entity.relations ?? []), relation]);
  link(source, { type, targetRef: target.toLowerCase() });
  link(byRef.get(target.toLowerCase()), { type: inverse, targetRef: refOf(source) });
}
for (const entity of entities) {
  entity.relations ??= [];
  const { owner, system, memberOf, parent } = entity.spec ?? {};
  if (owner) relate(entity, 'ownedBy', full(owner, 'group'), 'ownerOf');
  if (system) relate(entity, 'partOf', full(system, 'system'), 'hasPart');
  if (parent) relate(entity, 'childOf', full(parent, 'group'), 'parentOf');
  memberOf?.forEach(group => relate(entity, 'memberOf', full(group, 'group'), 'hasMember'));
}
