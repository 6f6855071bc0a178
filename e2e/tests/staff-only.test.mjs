// The example examples/staff-only, through API and browser: sign-in by OpenID
// Connect at a real provider, users in a namespace of their own, a group for
// everybody, administrators, and templates that only a group sees.
import assert from 'node:assert/strict';
import fs from 'node:fs';
import path from 'node:path';
import { after, before, describe, test } from 'node:test';
import { openBrowser } from '../browser.mjs';
import { answerForm, openIDProvider } from '../openid.mjs';
import { freePort, root, start, until } from '../server.mjs';

const example = path.join(root, 'examples/staff-only');
const templates = ['new-website', 'payroll-export', 'portal-upgrade'];
const sees = {
  ada: templates,
  ines: ['new-website', 'payroll-export'],
  tom: ['new-website'],
  new: ['new-website'],
};

let server, provider, browser;
const people = {};

before(async () => {
  browser = await openBrowser();
  if (!browser) return;
  const port = await freePort();
  provider = await openIDProvider(port);
  server = await start({
    port,
    dir: root,
    config: [path.join(example, 'app-config.yaml'), {
      app: { baseUrl: `http://localhost:${port}` },
      backend: { baseUrl: `http://localhost:${port}`, listen: { host: '127.0.0.1', port } },
    }],
    env: { OIDC_ISSUER: provider.issuer },
  });
  for (const name of Object.keys(sees)) people[name] = await signIn(name);
});

after(async () => {
  await browser?.close();
  await server?.stop();
  provider?.child.kill();
});

/** Signs a person in, in a browser of their own, and takes the token for API calls. */
async function signIn(name) {
  const context = await browser.newContext({ viewport: { width: 1280, height: 900 } });
  const page = await context.newPage();
  await page.goto(server.base + '/catalog');
  const opened = page.waitForEvent('popup');
  await page.getByRole('button', { name: /Sign in with/ }).click();
  const popup = await opened;
  await answerForm(popup, name);
  await page.getByRole('link', { name: 'Timetable website' }).first().waitFor();
  const answer = await context.request.get(`${server.base}/api/auth/oidc/refresh?env=production`, { headers: { 'x-requested-with': 'XMLHttpRequest' } });
  assert.equal(answer.status(), 200, await answer.text());
  const session = await answer.json();
  return { context, page, session, token: session.backstageIdentity.token };
}

async function api(name, pathname, { method = 'GET', body } = {}) {
  const res = await fetch(`${server.base}/api${pathname}`, {
    method,
    headers: { authorization: `Bearer ${people[name].token}`, ...(body && { 'content-type': 'application/json' }) },
    body: body && JSON.stringify(body),
  });
  const text = await res.text();
  return { status: res.status, text, json: text && res.headers.get('content-type')?.includes('json') ? JSON.parse(text) : undefined };
}

const sorted = list => [...list].sort();

describe('templates that only staff see', { skip: !fs.existsSync('/usr/bin/chromium') && !process.env.STAGEDOOR_REQUIRE_BROWSER }, () => {
  test('the local part of the address is the user in the namespace backstage, everybody owns by the default group', () => {
    const identity = name => people[name].session.backstageIdentity.identity;
    assert.equal(identity('ines').userEntityRef, 'user:backstage/ines.moor');
    assert.deepEqual(sorted(identity('ines').ownershipEntityRefs), ['group:backstage/default', 'group:backstage/staff', 'user:backstage/ines.moor']);
    assert.deepEqual(sorted(identity('tom').ownershipEntityRefs), ['group:backstage/default', 'user:backstage/tom.weir']);
    assert.deepEqual(sorted(identity('new').ownershipEntityRefs), ['group:backstage/default', 'user:backstage/newcomer']);
    assert.equal(people.tom.session.profile.email, 'tom.weir@harbour.example');
  });

  test('an address of another domain does not come in, and learns nothing', async () => {
    const context = await browser.newContext();
    const page = await context.newPage();
    await page.goto(server.base + '/');
    const opened = page.waitForEvent('popup');
    await page.getByRole('button', { name: /Sign in with/ }).click();
    await answerForm(await opened, 'eve');
    const alert = page.getByRole('alert').filter({ hasText: /sign/i });
    await alert.waitFor();
    const said = await alert.textContent();
    assert.doesNotMatch(said, /harbour\.example|user:|group:/);
    await context.close();
  });

  for (const name of Object.keys(sees)) {
    test(`${name} sees ${sees[name].join(', ')} in every list, count and single answer`, async () => {
      const query = await api(name, '/catalog/entities/by-query?filter=kind=template&orderField=metadata.name,asc');
      assert.deepEqual(query.json.items.map(e => e.metadata.name), sees[name]);
      assert.equal(query.json.totalItems, sees[name].length);
      const list = await api(name, '/catalog/entities?filter=kind=template');
      assert.deepEqual(sorted(list.json.map(e => e.metadata.name)), sees[name]);
      const facets = await api(name, '/catalog/entity-facets?facet=metadata.tags&facet=kind');
      assert.equal(facets.json.facets.kind.find(f => f.value === 'Template').count, sees[name].length);
      assert.equal(facets.json.facets['metadata.tags'].some(f => f.value === 'group:staff'), sees[name].includes('payroll-export'));
      const found = await api(name, '/catalog/entities/by-query?fullTextFilterTerm=payroll&fullTextFilterFields=metadata.name&filter=kind=template');
      assert.equal(found.json.totalItems, sees[name].includes('payroll-export') ? 1 : 0);
      const refs = templates.map(t => `template:default/${t}`);
      const byRefs = await api(name, '/catalog/entities/by-refs', { method: 'POST', body: { entityRefs: refs } });
      assert.deepEqual(byRefs.json.items.map(e => e?.metadata.name ?? null), templates.map(t => (sees[name].includes(t) ? t : null)));
      for (const t of templates) {
        const one = await api(name, `/catalog/entities/by-name/template/default/${t}`);
        assert.equal(one.status, sees[name].includes(t) ? 200 : 404, t);
        const history = await api(name, `/catalog/entities/by-name/template/default/${t}/history`);
        assert.equal(history.status, sees[name].includes(t) ? 200 : 404, `history of ${t}`);
      }
      const graph = await api(name, '/catalog/graph?rootRefs=group:backstage/admin&maxDepth=2');
      const drawn = graph.json.nodes.filter(n => n.found !== false && n.ref.startsWith('template:')).map(n => n.ref.split('/')[1]);
      assert.deepEqual(sorted(drawn), sees[name]);
    });

    test(`${name} reads every kind that is for everybody`, async () => {
      const facets = await api(name, '/catalog/entity-facets?facet=kind');
      const kinds = facets.json.facets.kind.map(f => f.value);
      for (const kind of ['API', 'Component', 'Domain', 'Group', 'Location', 'Resource', 'System', 'User']) assert.ok(kinds.includes(kind), kind);
    });

    test(`${name} finds the same templates on the create page`, async () => {
      const { page } = people[name];
      await page.goto(server.base + '/create');
      await page.getByText('A new website').first().waitFor();
      const text = await page.locator('main').innerText();
      for (const [title, t] of [['A new website', 'new-website'], ['A payroll export', 'payroll-export'], ['An upgrade of the portal', 'portal-upgrade']]) {
        assert.equal(text.includes(title), sees[name].includes(t), title);
      }
    });
  }

  test('creating and deleting is denied to all but administrators', async () => {
    const uid = (await api('ada', '/catalog/entities/by-name/component/default/timetable-web')).json.metadata.uid;
    for (const name of ['ines', 'tom', 'new']) {
      assert.equal((await api(name, '/catalog/locations', { method: 'POST', body: { type: 'url', target: 'https://example.com/a.yaml' } })).status, 403);
      assert.equal((await api(name, `/catalog/entities/by-uid/${uid}`, { method: 'DELETE' })).status, 403);
      assert.equal((await api(name, '/catalog/entities?source=mine', { method: 'PUT', body: { entities: [] } })).status, 403);
      assert.equal((await api(name, '/catalog/refresh', { method: 'POST', body: { entityRef: 'component:default/timetable-web' } })).status, 403);
    }
    assert.equal((await api('ada', '/catalog/refresh', { method: 'POST', body: { entityRef: 'component:default/timetable-web' } })).status, 200);
  });

  test('the batch protocol gives the same answers', async () => {
    const items = templates.map(t => ({
      id: t, resourceRef: `template:default/${t}`,
      permission: { type: 'resource', name: 'catalog.entity.read', attributes: { action: 'read' }, resourceType: 'catalog-entity' },
    }));
    for (const name of Object.keys(sees)) {
      const answer = await api(name, '/permission/authorize', { method: 'POST', body: { items } });
      assert.deepEqual(answer.json.items.filter(i => i.result === 'ALLOW').map(i => i.id), sees[name]);
    }
  });

  test('the explanation names the line of the policy', async () => {
    const lines = fs.readFileSync(path.join(example, 'policy.yaml'), 'utf8').split('\n');
    const answer = await api('tom', '/permission/explain', { method: 'POST', body: { permission: 'catalog.entity.read', resourceRef: 'template:default/payroll-export' } });
    assert.equal(answer.json.result, 'DENY');
    assert.match(lines[answer.json.source.line - 1], /everybody reads the catalog/);
    const other = await api('tom', '/permission/explain', { method: 'POST', body: { user: 'user:backstage/ines.moor', permission: 'catalog.entity.read' } });
    assert.equal(other.status, 403, 'about others, only who may read policies');
    const admin = await api('ada', '/permission/explain', { method: 'POST', body: { user: 'user:backstage/ines.moor', permission: 'catalog.entity.read', resourceRef: 'template:default/payroll-export' } });
    assert.equal(admin.json.result, 'ALLOW');
    const viewers = await api('ada', '/permission/explain/viewers?resourceRef=template:default/payroll-export');
    assert.deepEqual(sorted(viewers.json.items.filter(i => i.result === 'ALLOW').map(i => i.user)), ['user:backstage/ada.quill', 'user:backstage/ines.moor']);
  });

  test('administrators find sign-ins and denials in the audit log, others have none to read', async () => {
    assert.equal((await api('tom', '/audit/events')).status, 403);
    const denied = await until('the denials', async () => {
      const found = await api('ada', '/audit/events?event=permission-denied&actor=user:backstage/tom.weir&limit=50');
      return found.json.items.length > 0 && found.json.items;
    });
    assert.ok(denied.every(e => e.actor.subject === 'user:backstage/tom.weir' && e.status === 'failed'));
    const signIns = await api('ada', '/audit/events?event=user-sign-in&limit=50');
    assert.ok(signIns.json.items.some(e => e.target === 'user:backstage/ines.moor' || e.actor.subject === 'user:backstage/ines.moor'));
    assert.ok(signIns.json.items.some(e => e.status === 'failed'), 'the one from elsewhere');
    const verified = await api('ada', '/audit/verify');
    assert.equal(verified.json.ok, true, verified.text);
  });

  test('nobody comes in without credentials', async () => {
    for (const pathname of ['/catalog/entities', '/permission/policy', '/audit/events', '/catalog/entity-facets?facet=kind']) {
      const res = await fetch(`${server.base}/api${pathname}`);
      assert.equal(res.status, 401, pathname);
    }
  });

  test('after signing out the refresh cookie is worth nothing', async () => {
    const { context } = people.new;
    const headers = { 'x-requested-with': 'XMLHttpRequest' };
    const out = await context.request.post(`${server.base}/api/auth/oidc/logout?env=production`, { headers });
    assert.equal(out.status(), 200);
    const again = await context.request.get(`${server.base}/api/auth/oidc/refresh?env=production`, { headers });
    assert.equal(again.status(), 401);
  });
});
