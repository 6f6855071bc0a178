// The configuration is followed while the portal runs: what is right takes
// effect, what is broken is refused and the last good one stays.
import assert from 'node:assert/strict';
import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { after, before, test } from 'node:test';
import { guestToken, start, until } from '../server.mjs';

const component = name => `apiVersion: backstage.io/v1alpha1\nkind: Component\nmetadata:\n  name: ${name}\nspec:\n  type: service\n  lifecycle: production\n  owner: me\n`;
let server, dir, layer, headers;

const configure = text => fs.writeFileSync(layer, text);
const locations = (...names) => `catalog:\n  locations:\n${names.map(n => `    - {type: file, target: ${path.join(dir, n)}}\n`).join('')}`;
const has = async name => (await fetch(`${server.base}/api/catalog/entities/by-name/component/default/${name}`, { headers })).status === 200;

before(async () => {
  dir = fs.mkdtempSync(path.join(os.tmpdir(), 'stagedoor-reload-'));
  layer = path.join(dir, 'app-config.extra.yaml');
  fs.writeFileSync(path.join(dir, 'one.yaml'), component('one'));
  fs.writeFileSync(path.join(dir, 'two.yaml'), component('two'));
  configure(locations('one.yaml'));
  server = await start({ config: [layer] });
  headers = { authorization: `Bearer ${await guestToken(server.base)}` };
  await until('the first location', () => has('one'));
});

after(async () => {
  await server?.stop();
  fs.rmSync(dir, { recursive: true, force: true });
});

test('a location that is added is read', async () => {
  configure(locations('one.yaml', 'two.yaml'));
  await until('the second location', () => has('two'));
});

test('a broken configuration is refused with file and line, and nothing changes', async () => {
  configure('catalog:\n  locations: [\n');
  await until('the refusal in the log', () => /app-config\.extra\.yaml:\d+/.test(server.log));
  assert.ok(await has('one'));
  assert.ok(await has('two'));
});

test('a location that is taken out takes its entities along', async () => {
  configure(locations('two.yaml'));
  await until('the first location to go', async () => !(await has('one')));
  assert.ok(await has('two'));
});

test('a rule that is added lets another kind in', async () => {
  fs.writeFileSync(path.join(dir, 'two.yaml'), `${component('two')}---\napiVersion: backstage.io/v1alpha1\nkind: System\nmetadata: {name: late}\nspec: {owner: me}\n`);
  const system = async () => (await fetch(`${server.base}/api/catalog/entities/by-name/system/default/late`, { headers })).status === 200;
  assert.equal(await system(), false);
  configure(`${locations('two.yaml')}  rules:\n    - allow: [Component, System, API, Location]\n`);
  await until('the system', system);
});

test('a kind that is added is known', async () => {
  fs.writeFileSync(path.join(dir, 'one.yaml'), 'apiVersion: example.com/v1\nkind: Starship\nmetadata: {name: lantern}\nspec: {captain: group:default/crew}\n');
  configure(`${locations('one.yaml', 'two.yaml')}  rules:\n    - allow: [Component, System, API, Location, Starship]\n  kinds:\n    - kind: Starship\n      apiVersions: [example.com/v1]\n      spec: {type: object, required: [captain], properties: {captain: {type: string}}}\n      relations: [{path: spec.captain, type: commandedBy, reverse: commands, defaultKind: Group}]\n`);
  const ship = await until('the starship', async () => {
    const res = await fetch(`${server.base}/api/catalog/entities/by-name/starship/default/lantern`, { headers });
    return res.status === 200 && res.json();
  });
  assert.deepEqual(ship.relations, [{ type: 'commandedBy', targetRef: 'group:default/crew' }]);
});
