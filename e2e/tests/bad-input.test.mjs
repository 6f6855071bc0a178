// What comes in broken, huge or hostile gets a clear error, and nothing else
// is harmed.
import assert from 'node:assert/strict';
import { once } from 'node:events';
import fs from 'node:fs';
import http from 'node:http';
import os from 'node:os';
import path from 'node:path';
import { after, before, test } from 'node:test';
import { guestToken, start, until } from '../server.mjs';

const component = (name, rest = '') => `apiVersion: backstage.io/v1alpha1\nkind: Component\nmetadata:\n  name: ${name}\n${rest}spec:\n  type: service\n  lifecycle: production\n  owner: me\n`;
const bomb = ['a: &a [x,x,x,x,x,x,x,x,x,x]', ...'bcdefghij'.split('').map((c, i) => `${c}: &${c} [${Array(10).fill('*' + 'abcdefghi'[i]).join(',')}]`)].join('\n');

const remote = {
  '/good.yaml': component('remote-good'),
  '/broken.yaml': `${component('before-broken')}---\nkind: [\n---\n${component('after-broken')}`,
  '/bomb.yaml': `${component('beside-bomb')}---\n${bomb}\n`,
  '/huge.yaml': `${component('too-huge')}# ${'x'.repeat(11 << 20)}\n`,
  '/duplicate-keys.yaml': `${component('beside-duplicates')}---\nkind: Component\nkind: System\n`,
  '/script.yaml': component('with-script', '  annotations:\n    backstage.io/view-url: "javascript:alert(1)"\n'),
  '/wrong-kind.yaml': `${component('beside-wrong-kind')}---\napiVersion: example.com/v1\nkind: Spaceship\nmetadata: {name: x}\n`,
  '/inward.yaml': 'apiVersion: backstage.io/v1alpha1\nkind: Location\nmetadata: {name: inward}\nspec:\n  type: file\n  target: /etc/passwd\n',
};

let server, token, fixtures, origin, dir;
const call = async (method, target, { body, headers, auth = true } = {}) => {
  const res = await fetch(server.base + target, {
    method,
    headers: { ...(auth ? { authorization: `Bearer ${token}` } : {}), ...(body === undefined ? {} : { 'content-type': 'application/json' }), ...headers },
    body: body === undefined || typeof body === 'string' ? body : JSON.stringify(body),
  });
  const text = await res.text();
  let json;
  try { json = JSON.parse(text); } catch { /* not JSON */ }
  return { status: res.status, text, json };
};
const byName = name => call('GET', `/api/catalog/entities/by-name/component/default/${name}`);
const explain = target => call('GET', `/api/catalog/explain?target=${encodeURIComponent(target)}`);

before(async () => {
  fixtures = http.createServer((req, res) => {
    if (req.url === '/redirect.yaml') { res.writeHead(302, { location: 'http://169.254.169.254/latest/meta-data' }).end(); return; }
    const body = remote[req.url];
    res.writeHead(body ? 200 : 404, { 'content-type': 'text/yaml' }).end(body);
  });
  fixtures.listen(0, '127.0.0.1');
  await once(fixtures, 'listening');
  origin = `http://localhost:${fixtures.address().port}`;

  dir = fs.mkdtempSync(path.join(os.tmpdir(), 'stagedoor-bad-'));
  fs.mkdirSync(path.join(dir, 'inside'));
  fs.writeFileSync(path.join(dir, 'outside.yaml'), component('outside'));
  fs.writeFileSync(path.join(dir, 'inside', 'ok.yaml'), component('inside-ok'));
  // A configured target may be a symlink, as mounted ConfigMaps are; what a file names may not leave its folder.
  fs.symlinkSync(path.join(dir, 'outside.yaml'), path.join(dir, 'inside', 'link.yml'));
  fs.writeFileSync(path.join(dir, 'inside', 'leaver.yaml'), 'apiVersion: backstage.io/v1alpha1\nkind: Location\nmetadata: {name: leaver}\nspec:\n  targets: [./link.yml, ../outside.yaml]\n');
  fs.writeFileSync(path.join(dir, 'inside', 'traverse.yaml'), component('traverse', '  description:\n    $text: ../../../../../../etc/passwd\n'));

  server = await start({
    config: [{
      backend: { reading: { allow: [{ host: origin.slice('http://'.length) }] } },
      catalog: { locations: [{ type: 'file', target: path.join(dir, 'inside', '*.yaml') }] },
    }],
  });
  token = await guestToken(server.base);
});

after(async () => {
  await server?.stop();
  fixtures?.close();
  fs.rmSync(dir, { recursive: true, force: true });
});

const register = async file => {
  const { status, text } = await call('POST', '/api/catalog/locations', { body: { type: 'url', target: origin + file } });
  assert.equal(status, 201, text);
};

test('a bad document does not take its neighbours along, and says where and why', async () => {
  await register('/broken.yaml');
  await until('the neighbours', async () => (await byName('after-broken')).status === 200 && (await byName('before-broken')).status === 200);
  const { json } = await explain(`${origin}/broken.yaml`);
  assert.match(JSON.stringify(json), /broken\.yaml/);
  const line = [...json.refused ?? [], ...(json.sources ?? []).flatMap(s => s.problems ?? [])];
  assert.ok(line.length > 0, 'no reason given');
  assert.ok(JSON.stringify(line).match(/"line":1[01]|:1[01]/), `no line in ${JSON.stringify(line)}`);
});

for (const [file, neighbour] of [['/bomb.yaml', 'beside-bomb'], ['/duplicate-keys.yaml', 'beside-duplicates'], ['/wrong-kind.yaml', 'beside-wrong-kind']]) {
  test(`${file} harms nothing but itself`, async () => {
    const began = performance.now();
    await register(file);
    await until(neighbour, async () => (await byName(neighbour)).status === 200);
    assert.ok(performance.now() - began < 10_000);
    assert.ok(JSON.stringify((await explain(origin + file)).json).length > 2);
  });
}

test('a file over the limit is refused by its size', async () => {
  await register('/huge.yaml');
  await until('the reason', async () => /larger|exceed|too large|limit/i.test((await explain(`${origin}/huge.yaml`)).text));
  assert.equal((await byName('too-huge')).status, 404);
});

test('a script URL never reaches a page', async () => {
  await register('/script.yaml');
  const { text } = await until('the entity', async () => { const r = await byName('with-script'); return r.status === 200 && r; });
  assert.doesNotMatch(text, /javascript:alert/);
});

test('a location from outside cannot read files of the server', async () => {
  await register('/inward.yaml');
  await until('the refusal', async () => /refus|not allowed|only|file/i.test((await call('GET', '/api/catalog/explain?entityRef=location:default/inward')).text));
  assert.doesNotMatch((await call('GET', '/api/catalog/entities')).text, /root:x:/);
});

test('symlinks and placeholders do not leave the folder of their location', async () => {
  await until('the file inside', async () => (await byName('inside-ok')).status === 200);
  assert.equal((await byName('traverse')).status, 404);
  const leaver = await until('the reason', async () => { const r = await call('GET', '/api/catalog/entities/by-name/location/default/leaver'); return r.json?.status && r; });
  assert.match(leaver.text, /link\.yml/);
  assert.ok(!/root:x:/.test((await call('GET', '/api/catalog/entities')).text), 'a server file leaked');
});

for (const target of ['http://127.0.0.1:22/x', 'http://[::1]/x', 'http://169.254.169.254/latest/meta-data', 'http://10.0.0.1/x', 'http://metadata.google.internal/x', 'ftp://example.com/x', 'file:///etc/passwd']) {
  test(`${target} is not read`, async () => {
    const { status, text } = await call('POST', '/api/catalog/locations?dryRun=true', { body: { type: 'url', target } });
    assert.ok(status >= 400 && status < 600, `${status} ${text}`);
    assert.doesNotMatch(text, /root:|ssh|SSH/);
  });
}

test('a redirect to an address inside is not followed', async () => {
  const { status, text } = await call('POST', '/api/catalog/locations?dryRun=true', { body: { type: 'url', target: `${origin}/redirect.yaml` } });
  assert.ok(status >= 400, text);
  assert.match(text, /169\.254\.169\.254|redirect/);
});

test('filters, cursors and bodies without sense are refused with a reason', async () => {
  const long = 'x'.repeat(7000);
  for (const [method, target, body] of [
    ['GET', '/api/catalog/entities/by-query?cursor=nonsense'],
    ['GET', `/api/catalog/entities/by-query?cursor=${Buffer.from('{"a":[1]}').toString('base64')}`],
    ['GET', '/api/catalog/entities?limit=-1'],
    ['GET', '/api/catalog/entities?filter='],
    ['POST', '/api/catalog/entities/by-query', { query: { $all: 'x' } }],
    ['POST', '/api/catalog/entities/by-query', `{"query":${'{"$not":'.repeat(5000)}{"kind":"x"}${'}'.repeat(5000)}}`],
    ['POST', '/api/catalog/entities/by-query', '{"query": '],
    ['POST', '/api/catalog/locations', { type: 'file', target: '/etc/passwd' }],
    ['POST', '/api/catalog/locations', { type: 'url', target: 'javascript:alert(1)' }],
    ['POST', '/api/catalog/validate-entity', { entity: null, location: 'url:http://x' }],
  ]) {
    const { status, json } = await call(method, target, { body });
    assert.equal(status, 400, `${method} ${target}: ${status} ${JSON.stringify(json)}`);
    assert.ok(json.error?.message || json.errors?.[0]?.message, 'no message');
  }
  // Long but sound: an answer, not an error.
  assert.equal((await call('GET', `/api/catalog/entities?filter=${Array.from({ length: 200 }, (_, i) => `metadata.name=n${i}`).join('&filter=')}`)).status, 200);
  assert.equal((await call('GET', `/api/catalog/entities?filter=metadata.name=${long}`)).status, 200);
});

test('a body over the limit is refused', async () => {
  const { status } = await call('POST', '/api/catalog/entities/by-refs', { body: { entityRefs: ['x'.repeat(12 << 20)] } });
  assert.equal(status, 413);
});

test('after all that the portal is well', async () => {
  assert.equal((await call('GET', '/.backstage/health/v1/readiness', { auth: false })).status, 200);
  await register('/good.yaml');
  await until('a good location', async () => (await byName('remote-good')).status === 200);
  assert.doesNotMatch(server.log, /panic|goroutine/);
});
