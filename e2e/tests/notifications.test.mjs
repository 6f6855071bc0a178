// Notifications, signals and user settings under Backstage's own front-end,
// built and unchanged: what a service sends shows without a reload, what a
// user sets is there in the next browser.
import assert from 'node:assert/strict';
import path from 'node:path';
import { after, before, test } from 'node:test';
import { openBrowser } from '../browser.mjs';
import { root, shared, start } from '../server.mjs';

const frontend = shared('oracle', 'backstage-frontend');
if (!frontend) console.log('SKIP: there is no built Backstage front-end (../shared/oracle/backstage-frontend)');

let server, browser;
const complaints = [];
const token = 'a-token-of-ci-for-this-test-only';

before(async () => {
  if (!frontend) return;
  browser = await openBrowser();
  if (!browser) return;
  server = await start({
    args: ['--frontend-dir', frontend],
    config: [{
      app: {
        packages: 'all',
        extensions: ['page:search', 'nav-item:search', 'page:scaffolder', 'page:techdocs', 'page:app-visualizer'].map(id => ({ [id]: false })),
      },
      backend: { auth: { externalAccess: [{ type: 'static', options: { token, subject: 'ci' } }] } },
      organization: { name: 'Harbour Lane' },
      catalog: {
        import: { entityFilename: 'catalog-info.yaml', pullRequestBranchName: 'backstage-integration' },
        rules: [{ allow: ['Component', 'API', 'System', 'Domain', 'Resource', 'Group', 'User', 'Location'] }],
        locations: [{ type: 'file', target: path.join(root, 'examples/harbour/all.yaml') }],
      },
    }],
  });
});

after(async () => {
  await browser?.close();
  await server?.stop();
});

const options = { skip: !frontend };

/** A page of a new browser session, signed in, and a promise of its WebSocket's subscription. */
async function signIn() {
  const page = await (await browser.newContext({ viewport: { width: 1440, height: 900 } })).newPage();
  page.on('console', m => { if (m.type() === 'error') complaints.push(`${page.url()}: ${m.text()} ${m.location().url}`); });
  page.on('pageerror', e => complaints.push(`${page.url()}: ${e}`));
  await page.goto(server.base);
  await page.getByRole('button', { name: 'Enter' }).click();
  await page.getByText('Notifications').first().waitFor();
  return page;
}

/** Opens a page and waits until it listens to the channel. */
async function listening(page, target, channel) {
  const subscribed = new Promise(resolve => {
    page.on('websocket', ws => ws.on('framesent', f => { if (String(f.payload).includes(channel)) resolve(); }));
  });
  await page.goto(server.base + target);
  await subscribed;
}

async function send(payload) {
  const answer = await fetch(`${server.base}/api/notifications/notifications`, {
    method: 'POST',
    headers: { authorization: `Bearer ${token}`, 'content-type': 'application/json' },
    body: JSON.stringify({ recipients: { type: 'entity', entityRef: 'user:default/guest' }, payload }),
  });
  assert.equal(answer.status, 200, await answer.text());
}

test('a notification shows without a reload and can be read', options, async t => {
  if (!browser) return t.skip('no browser');
  const page = await signIn();
  await listening(page, '/notifications', 'notifications');
  await send({ title: 'Ferry 12 is late', description: 'By forty minutes', link: '/catalog', severity: 'high', topic: 'ferries' });
  await page.getByText('Ferry 12 is late').first().waitFor();
  await page.getByText('By forty minutes').first().waitFor();
  await page.getByText('Unread notifications (1)').waitFor();

  // Of what the snackbar does, the table hears by a signal.
  await page.getByRole('button', { name: 'mark as read', exact: true }).first().click();
  await page.getByText('Unread notifications (0)').waitFor();
  await page.context().close();
});

test('a star is there in the next browser', options, async t => {
  if (!browser) return t.skip('no browser');
  const here = await signIn();
  const entity = '/catalog/default/component/booking-service';
  await here.goto(server.base + entity);
  const stored = here.waitForResponse(r => r.url().includes('/api/user-settings/buckets/') && r.request().method() === 'PUT' && r.ok());
  await here.getByRole('button', { name: /add to favorites/i }).first().click();
  await stored;
  const there = await signIn();
  await there.goto(server.base + entity);
  await there.getByRole('button', { name: /remove from favorites/i }).first().waitFor();
  await Promise.all([here, there].map(page => page.context().close()));
});

test('leaves nothing in the console', options, async t => {
  if (!browser) return t.skip('no browser');
  assert.deepEqual(complaints, []);
});
