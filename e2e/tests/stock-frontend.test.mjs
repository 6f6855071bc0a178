// Backstage's own front-end, built and unchanged, over our API: sign in, look
// around, register, with nothing in its console.
import assert from 'node:assert/strict';
import path from 'node:path';
import { after, before, test } from 'node:test';
import { openBrowser } from '../browser.mjs';
import { root, serveEntity, shared, start } from '../server.mjs';

const frontend = shared('oracle', 'backstage-frontend');
if (!frontend) console.log('SKIP: there is no built Backstage front-end (../shared/oracle/backstage-frontend)');

let server, browser, context, page, fixtures;
const complaints = [];

before(async () => {
  if (!frontend) return;
  browser = await openBrowser();
  if (!browser) return;
  fixtures = await serveEntity();
  server = await start({
    args: ['--frontend-dir', frontend],
    config: [{
      app: {
        packages: 'all',
        // What this version does not serve yet is not asked for.
        extensions: [
          { 'page:catalog': { config: { path: '/' } } },
          ...['page:search', 'nav-item:search', 'page:home', 'page:scaffolder', 'page:techdocs', 'page:app-visualizer'].map(id => ({ [id]: false })),
        ],
      },
      organization: { name: 'Harbour Lane' },
      backend: { reading: { allow: [{ host: new URL(fixtures.url).host }] } },
      catalog: {
        import: { entityFilename: 'catalog-info.yaml', pullRequestBranchName: 'backstage-integration' },
        rules: [{ allow: ['Component', 'API', 'System', 'Domain', 'Resource', 'Group', 'User', 'Location'] }],
        locations: [{ type: 'file', target: path.join(root, 'examples/harbour/all.yaml') }],
      },
    }],
  });
  context = await browser.newContext({ viewport: { width: 1440, height: 900 } });
  page = await context.newPage();
  page.on('console', m => { if (m.type() === 'error') complaints.push(`${page.url()}: ${m.text()} ${m.location().url}`); });
  page.on('pageerror', e => complaints.push(`${page.url()}: ${e}`));
});

after(async () => {
  await browser?.close();
  await server?.stop();
  fixtures?.close();
});

const options = { skip: !frontend };

test('signs in as a guest and lists what its team owns', options, async t => {
  if (!browser) return t.skip('no browser');
  await page.goto(server.base);
  await page.getByRole('button', { name: 'Enter' }).click();
  await page.getByText('Deployer', { exact: true }).first().waitFor();
});

test('filters', options, async t => {
  if (!browser) return t.skip('no browser');
  await page.goto(`${server.base}/?filters[kind]=api&filters[user]=all`);
  await page.getByText('Pricing API', { exact: true }).first().waitFor();
});

test('shows entity pages of several kinds', options, async t => {
  if (!browser) return t.skip('no browser');
  for (const [target, text] of [
    ['/catalog/default/component/booking-service', 'Holds slots for ten minutes'],
    ['/catalog/default/api/booking', 'Find a slot, hold it'],
    ['/catalog/default/system/booking-desk', 'Slots, capacity and confirmations'],
    ['/catalog/default/group/booking', 'Turns a wish to ship'],
    ['/catalog/default/user/mei.zhang', 'Mei Zhang'],
  ]) {
    await page.goto(server.base + target);
    await page.getByText(text).first().waitFor();
  }
});

test('draws the graph', options, async t => {
  if (!browser) return t.skip('no browser');
  await page.goto(`${server.base}/catalog-graph?rootEntityRefs[]=component:default/booking-service&maxDepth=2`);
  await page.locator('svg text').filter({ hasText: 'booking' }).first().waitFor();
});

test('registers a location', options, async t => {
  if (!browser) return t.skip('no browser');
  await page.goto(`${server.base}/catalog-import`);
  await page.getByRole('textbox', { name: /url/i }).first().fill(`${fixtures.url}/catalog-info.yaml`);
  await page.getByRole('button', { name: /analyze/i }).click();
  await page.getByText('registered-here').first().waitFor();
  await page.getByRole('button', { name: /import/i }).click();
  await page.getByRole('link', { name: /view component|registered-here|go to catalog/i }).or(page.getByText(/added to the catalog|register another/i)).first().waitFor();
});

test('shows settings', options, async t => {
  if (!browser) return t.skip('no browser');
  await page.goto(`${server.base}/settings`);
  await page.getByText('user:default/guest').first().waitFor();
});

test('leaves nothing in the console', options, async t => {
  if (!browser) return t.skip('no browser');
  assert.deepEqual(complaints, []);
});
