// The published client of Backstage's catalog, against our API: what it asks
// and how it reads answers is not ours to change.
import assert from 'node:assert/strict';
import path from 'node:path';
import { after, before, test } from 'node:test';
import { CatalogClient } from '@backstage/catalog-client';
import { guestToken, root, start, until } from '../server.mjs';

let server, client, options;

before(async () => {
  server = await start({
    config: [{
      catalog: {
        rules: [{ allow: ['Component', 'API', 'System', 'Domain', 'Resource', 'Group', 'User', 'Location', 'AiResource'] }],
        locations: [{ type: 'file', target: path.join(root, 'examples/harbour/all.yaml') }],
      },
      backend: { reading: { allow: [{ host: 'localhost:9' }] } },
    }],
  });
  client = new CatalogClient({ discoveryApi: { getBaseUrl: async plugin => `${server.base}/api/${plugin}` } });
  options = { token: await guestToken(server.base) };
  await until('the example catalog', async () => (await client.getEntityByRef('component:default/booking-service', options))?.relations.some(r => r.type === 'ownedBy'));
});

after(() => server?.stop());

test('lists, filters and orders entities', async () => {
  const { items } = await client.getEntities({
    filter: [{ kind: 'API', 'spec.type': ['openapi', 'graphql'] }],
    fields: ['kind', 'metadata.name', 'spec.type'],
    order: { field: 'metadata.name', order: 'desc' },
  }, options);
  assert.deepEqual(items.map(e => e.metadata.name), ['tracking-graph', 'pricing', 'booking']);
  assert.deepEqual(Object.keys(items[0]).sort(), ['kind', 'metadata', 'spec']);
});

test('finds entities by ref, in order, with gaps', async () => {
  const { items } = await client.getEntitiesByRefs({ entityRefs: ['component:booking-web', 'component:default/none', 'Group:default/Booking'] }, options);
  assert.deepEqual(items.map(e => e?.metadata.name), ['booking-web', undefined, 'booking']);
  assert.equal(await client.getEntityByRef('component:default/none', options), undefined);
});

test('walks pages forwards and backwards without loss', async () => {
  const query = { filter: { kind: 'component' }, orderFields: { field: 'metadata.name', order: 'asc' }, limit: 4 };
  const first = await client.queryEntities(query, options);
  const seen = first.items.map(e => e.metadata.name);
  let page = first;
  while (page.pageInfo.nextCursor) {
    page = await client.queryEntities({ cursor: page.pageInfo.nextCursor, limit: 4 }, options);
    seen.push(...page.items.map(e => e.metadata.name));
  }
  assert.equal(seen.length, first.totalItems);
  assert.deepEqual(seen, seen.toSorted());
  while (page.pageInfo.prevCursor) page = await client.queryEntities({ cursor: page.pageInfo.prevCursor, limit: 4 }, options);
  assert.deepEqual(page.items.map(e => e.metadata.name), seen.slice(0, page.items.length));
});

test('searches by text', async () => {
  const { items } = await client.queryEntities({ fullTextFilter: { term: 'TRACK', fields: ['metadata.name', 'metadata.title'] }, filter: { kind: 'component' }, orderFields: { field: 'metadata.name', order: 'asc' } }, options);
  assert.deepEqual(items.map(e => e.metadata.name), ['legacy-tracker', 'tracking-graph']);
});

test('streams everything', async () => {
  const names = [];
  for await (const page of client.streamEntities({ filter: { kind: 'user' }, pageSize: 5 }, options)) names.push(...page.map(e => e.metadata.name));
  assert.equal(new Set(names).size, 14);
});

test('counts by facet', async () => {
  const { facets } = await client.getEntityFacets({ facets: ['kind', 'spec.lifecycle'], filter: { kind: 'component' } }, options);
  assert.deepEqual(facets.kind, [{ value: 'Component', count: facets.kind[0].count }]);
  assert.deepEqual(facets['spec.lifecycle'].map(f => f.value), ['deprecated', 'experimental', 'production']);
});

test('tells ancestry', async () => {
  const { items, rootEntityRef } = await client.getEntityAncestors({ entityRef: 'component:default/booking-service' }, options);
  assert.equal(rootEntityRef, 'component:default/booking-service');
  assert.deepEqual(items.map(i => i.entity.kind), ['Component', 'Location', 'Location']);
});

test('validates entities', async () => {
  const entity = { apiVersion: 'backstage.io/v1alpha1', kind: 'Component', metadata: { name: 'x' }, spec: { type: 'service', lifecycle: 'production', owner: 'me' } };
  assert.equal((await client.validateEntity(entity, 'url:http://localhost/x', options)).valid, true);
  const bad = await client.validateEntity({ ...entity, spec: { type: 'service' } }, 'url:http://localhost/x', options);
  assert.equal(bad.valid, false);
  assert.match(bad.errors[0].message, /lifecycle|owner/);
});

test('registers, finds and removes a location', async () => {
  const target = 'http://localhost:9/catalog-info.yaml'; // nobody answers there, which registering does not mind
  const added = await client.addLocation({ type: 'url', target }, options);
  assert.equal(added.location.target, target);
  assert.equal((await client.getLocationByRef(`url:${target}`, options)).id, added.location.id);
  assert.equal((await client.getLocationById(added.location.id, options)).target, target);
  await assert.rejects(client.addLocation({ type: 'url', target }, options), /409/);
  await client.removeLocationById(added.location.id, options);
  assert.equal(await client.getLocationById(added.location.id, options), undefined);
});

test('refreshes an entity', async () => {
  await client.refreshEntity('component:default/booking-service', options);
  await assert.rejects(client.refreshEntity('component:default/none', options), /404/);
});
