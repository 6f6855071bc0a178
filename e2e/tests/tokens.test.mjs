// Tokens across the border: Backstage's own code verifies what the portal
// issued, and the portal admits what Backstage's own code issued.
import assert from 'node:assert/strict';
import crypto from 'node:crypto';
import { once } from 'node:events';
import fs from 'node:fs';
import http from 'node:http';
import path from 'node:path';
import { after, before, test } from 'node:test';
import { authService, userTokens } from '../backstage-auth.mjs';
import { guestToken, start, until } from '../server.mjs';

/** Another portal as far as tokens go: it publishes keys, and can be broken. */
async function peer() {
  const keys = {};
  const server = http.createServer(async (req, res) => {
    const publish = keys[req.url];
    if (!publish) return res.writeHead(404).end();
    res.setHeader('content-type', 'application/json').end(JSON.stringify(await publish()));
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const base = `http://localhost:${server.address().port}`;
  const users = userTokens(base);
  const search = await authService('search', base);
  keys['/api/auth/.well-known/jwks.json'] = () => users.listPublicKeys();
  keys['/api/search/.backstage/auth/v1/jwks.json'] = () => search.listPublicServiceKeys();
  return { base, users, search, close: () => server.close() };
}

const secret = crypto.randomBytes(24);
let portal, other;

before(async () => {
  other = await peer();
  portal = await start({ config: [{
    backend: { auth: {
      externalAccess: [
        { type: 'static', options: { token: 'a-static-token', subject: 'script' } },
        { type: 'legacy', options: { secret: secret.toString('base64'), subject: 'older-backstage' } },
        {
          type: 'jwks', options: { url: `${other.base}/api/auth/.well-known/jwks.json`, issuer: `${other.base}/api/auth`, algorithm: 'ES256', audience: 'backstage', subjectPrefix: 'peer' },
          accessRestrictions: [{ plugin: 'catalog' }],
        },
        { type: 'jwks', options: { url: `${other.base}/api/search/.backstage/auth/v1/jwks.json`, subjectPrefix: 'peer' } },
      ],
      keys: [{ secret: Buffer.from('of the older configuration').toString('base64') }],
    } },
  }, {}] });
});

after(async () => {
  other?.close();
  await portal?.stop();
});

const get = (path, token, headers = {}) => fetch(portal.base + path, { headers: { ...headers, ...(token && { authorization: `Bearer ${token}` }) } });
const part = value => Buffer.from(JSON.stringify(value)).toString('base64url');

async function refused(path, token) {
  const res = await get(path, token);
  assert.equal(res.status, 401, await res.text());
}

/** The token with the first character of its signature changed. */
function forge(token) {
  const at = token.lastIndexOf('.') + 1;
  return token.slice(0, at) + (token[at] === 'A' ? 'B' : 'A') + token.slice(at + 1);
}

test('Backstage accepts the user tokens of the portal', async () => {
  const auth = await authService('catalog', portal.base);
  const token = await guestToken(portal.base);
  const credentials = await auth.authenticate(token);
  assert.deepEqual({ ...credentials.principal }, { type: 'user', userEntityRef: 'user:default/guest', actor: undefined });
  assert.ok(credentials.expiresAt > new Date(Date.now() + 3_500_000), 'it lives for an hour');
  await assert.rejects(auth.authenticate(forge(token)), { name: 'AuthenticationError', message: 'Failed user token verification' });
});

test('Backstage accepts the limited token of the cookie, and makes the very same from the user token', async () => {
  const auth = await authService('techdocs', portal.base);
  const token = await guestToken(portal.base);
  const res = await get('/api/techdocs/.backstage/auth/v1/cookie', token);
  // The portal has no TechDocs here; every plugin has the route.
  const answer = res.status === 404 ? await get('/api/catalog/.backstage/auth/v1/cookie', token) : res;
  assert.equal(answer.status, 200);
  const cookie = answer.headers.get('set-cookie');
  assert.match(cookie, /^backstage-auth=[\w.-]+; Domain=localhost; Path=\/; Expires=[^;]+; HttpOnly; Secure; Priority=High; SameSite=None$/);
  const limited = cookie.slice('backstage-auth='.length, cookie.indexOf(';'));
  const credentials = await auth.authenticate(limited, { allowLimitedAccess: true });
  assert.equal(credentials.principal.userEntityRef, 'user:default/guest');
  await assert.rejects(auth.authenticate(limited), { message: 'Illegal limited user token' });
  await assert.rejects(auth.authenticate(forge(limited), { allowLimitedAccess: true }), { message: 'Failed user token verification' });
  assert.equal((await auth.getLimitedUserToken(await auth.authenticate(token))).token, limited);
  assert.deepEqual(await answer.json(), { expiresAt: credentials.expiresAt.toISOString() });
  await refused('/api/catalog/entities', limited);
});

test('a user token of Backstage is an external caller, within its restrictions', async () => {
  const { token } = await other.users.issueToken({ claims: { sub: 'user:default/jane', ent: ['group:default/team'] } });
  const res = await get('/api/catalog/entities', token);
  assert.equal(res.status, 200, await res.clone().text());
  const info = await get('/api/auth/v1/userinfo', token);
  assert.notEqual(info.status, 200, 'it is nobody of ours');
  assert.equal((await get('/api/notifications', token)).status, 403, 'it is restricted to the catalog');
  await refused('/api/catalog/entities', forge(token));
  // The same user in the other portal's cookie opens nothing.
  const { token: limited } = await other.search.getLimitedUserToken(await other.search.authenticate(token));
  await refused('/api/catalog/entities', limited);
});

test('a plugin of Backstage calls for itself, and for users of the portal', async () => {
  const own = await other.search.getOwnServiceCredentials();
  const { token } = await other.search.getPluginRequestToken({ onBehalfOf: own, targetPluginId: 'catalog' });
  assert.equal((await get('/api/catalog/entities', token)).status, 200);
  const info = await get('/api/auth/v1/userinfo', (await other.search.getPluginRequestToken({ onBehalfOf: own, targetPluginId: 'auth' })).token);
  assert.equal(info.status, 400, 'a service is no user');
  await refused('/api/notifications', token); // meant for another plugin
  await refused('/api/catalog/entities', forge(token));

  const visiting = await authService('search', portal.base);
  const guest = await visiting.authenticate(await guestToken(portal.base));
  const forGuest = await other.search.getPluginRequestToken({ onBehalfOf: guest, targetPluginId: 'auth' });
  const who = await get('/api/auth/v1/userinfo', forGuest.token);
  assert.equal(who.status, 200, await who.clone().text());
  assert.equal((await who.json()).claims.sub, 'user:default/guest');

  const { token: theirs } = await other.users.issueToken({ claims: { sub: 'user:default/guest', ent: [] } });
  const jane = await other.search.authenticate(theirs);
  const forJane = await other.search.getPluginRequestToken({ onBehalfOf: jane, targetPluginId: 'auth' });
  assert.equal((await get('/api/auth/v1/userinfo', forJane.token)).status, 401, 'users of the other portal are not ours, whatever they are called');
});

test('callers with a shared secret, in both forms of the configuration', async () => {
  const sign = (claims, key) => {
    const input = `${part({ alg: 'HS256' })}.${part(claims)}`;
    return `${input}.${crypto.createHmac('sha256', key).update(input).digest('base64url')}`;
  };
  const claims = { sub: 'backstage-server', exp: Math.floor(Date.now() / 1000) + 60 };
  assert.equal((await get('/api/catalog/entities', 'a-static-token')).status, 200);
  assert.equal((await get('/api/catalog/entities', sign(claims, secret))).status, 200);
  assert.equal((await get('/api/catalog/entities', sign(claims, 'of the older configuration'))).status, 200);
  await refused('/api/catalog/entities', sign(claims, 'guessed'));
  await refused('/api/catalog/entities', sign({ ...claims, exp: 1 }, secret));
  await refused('/api/catalog/entities', sign({ ...claims, sub: 'someone' }, secret));
  // Signed with what everybody can read.
  const jwks = await (await get('/api/catalog/.backstage/auth/v1/jwks.json')).text();
  await refused('/api/catalog/entities', sign(claims, jwks));
});

test('callers come with a reload, and a mistake costs nobody the access', async () => {
  const file = path.join(portal.dir, 'app-config.2.yaml');
  const write = externalAccess => fs.writeFileSync(file, JSON.stringify({ backend: { auth: { externalAccess } } }));
  const good = [{ type: 'static', options: { token: 'came-with-a-reload', subject: 'late' } }];
  write(good);
  await until('the new caller', async () => (await get('/api/catalog/entities', 'came-with-a-reload')).status === 200);
  await refused('/api/catalog/entities', 'a-static-token'); // a list is replaced by a later layer's
  write([...good, { type: 'static', options: { token: 'short', subject: 'x' } }]);
  await until('the complaint', () => portal.log.includes('backend.auth.externalAccess[1].options.token: must have at least 8 characters and no blanks'));
  assert.equal((await get('/api/catalog/entities', 'came-with-a-reload')).status, 200);
});
