// The portal's own pages in a real browser: what a user does, with keyboard
// and mouse, light and dark, wide and narrow; no error in the console, no
// serious finding of axe.
import assert from 'node:assert/strict';
import fs from 'node:fs';
import { createRequire } from 'node:module';
import os from 'node:os';
import path from 'node:path';
import { after, before, describe, test } from 'node:test';
import { openBrowser } from '../browser.mjs';
import { guestToken, root, serveEntity, start } from '../server.mjs';

const axeSource = fs.readFileSync(createRequire(import.meta.url).resolve('axe-core/axe.min.js'), 'utf8');

let server, browser, web, broken;
const complaints = [];

before(async () => {
  browser = await openBrowser();
  if (!browser) return;
  web = await serveEntity();
  broken = fs.mkdtempSync(path.join(os.tmpdir(), 'stagedoor-broken-'));
  fs.writeFileSync(path.join(broken, 'broken.yaml'), 'apiVersion: backstage.io/v1alpha1\nkind: Component\nmetadata:\n  name: fine\nspec: {type: service, lifecycle: production, owner: me}\n---\nkind: [\n');
  server = await start({
    dir: root,
    config: [{
      backend: { reading: { allow: [{ host: new URL(web.url).host }] } },
      organization: { name: 'Harbour Lane' },
      catalog: {
        model: { layers: ['ai'] },
        rules: [{ allow: ['Component', 'API', 'System', 'Domain', 'Resource', 'Group', 'User', 'Location', 'AiResource'] }],
        locations: [
          { type: 'file', target: path.join(root, 'examples/harbour/all.yaml') },
          { type: 'file', target: path.join(root, 'catalog-info.yaml') },
          { type: 'file', target: path.join(broken, 'broken.yaml') },
        ],
      },
    }],
  });
});

after(async () => {
  await browser?.close();
  await server?.stop();
  web?.close();
  if (broken) fs.rmSync(broken, { recursive: true, force: true });
});

/** A page of a visitor who is signed in, unless told otherwise. */
async function open(target, { signedIn = true, scheme = 'light', width = 1440, height = 900 } = {}) {
  const context = await browser.newContext({ viewport: { width, height }, colorScheme: scheme });
  if (signedIn) await context.addCookies([{ name: 'stagedoor-provider', value: 'guest', url: server.base }]);
  const page = await context.newPage();
  page.on('console', m => { if (m.type() === 'error' && !expected(m)) complaints.push(`${page.url()}: ${m.text()} ${m.location().url}`); });
  page.on('pageerror', e => complaints.push(`${page.url()}: ${e}`));
  await page.goto(server.base + target);
  return page;
}

/** The browser itself reports answers such as 404; where a test provokes one, that is not a fault of the page. */
const expected = m => /no-such-thing|pushed-by-ci|analyze-location|dryRun/.test(m.location().url) && /Failed to load resource/.test(m.text());

/** Serious findings of axe on the page as it stands. */
async function axe(page) {
  await page.evaluate(axeSource);
  const { violations } = await page.evaluate(() => window.axe.run(document, { resultTypes: ['violations'] }));
  return violations.filter(v => ['serious', 'critical'].includes(v.impact)).map(v => `${v.id}: ${v.nodes.slice(0, 3).map(n => n.target.join(' ')).join(', ')}`);
}

const it = (name, fn) => test(name, async t => {
  if (!browser) return t.skip('no browser');
  await fn(t);
});

describe('signing in', () => {
  it('takes one click, and is remembered', async () => {
    const page = await open('/', { signedIn: false });
    await page.getByRole('button', { name: 'Enter as guest' }).click();
    await page.getByRole('link', { name: 'Booking service' }).waitFor();
    await page.reload();
    await page.getByRole('link', { name: 'Booking service' }).waitFor();
    await page.context().close();
  });

  it('needs no request before the first data is shown', async () => {
    const page = await open('/settings');
    const asked = [];
    page.on('request', r => { if (r.url().includes('/api/catalog/entities/by-query')) asked.push(r.url()); });
    await page.goto(`${server.base}/catalog`);
    await page.getByRole('link', { name: 'Booking service' }).waitFor();
    assert.deepEqual(asked, []);
    await page.context().close();
  });
});

describe('the catalog table', () => {
  it('keeps its whole state in the address', async () => {
    const page = await open('/catalog');
    await page.getByRole('link', { name: 'Booking service' }).waitFor();
    await page.getByRole('link', { name: /^APIs/ }).first().click();
    await page.getByRole('link', { name: 'Pricing API' }).waitFor();
    assert.match(decodeURIComponent(page.url()), /kind/);
    const address = page.url();
    const again = await open(address.slice(server.base.length));
    await again.getByRole('link', { name: 'Pricing API' }).waitFor();
    await again.context().close();
    await page.context().close();
  });

  it('reads the addresses of the stock front-end', async () => {
    const page = await open('/catalog?filters[kind]=component&filters[user]=owned');
    await page.getByRole('link', { name: 'Deployer' }).waitFor();
    assert.equal(await page.getByRole('link', { name: 'Booking service' }).count(), 0);
    await page.context().close();
  });

  it('finds by text from the keyboard', async () => {
    const page = await open('/catalog');
    await page.getByRole('link', { name: 'Booking service' }).waitFor();
    await page.keyboard.press('/');
    await page.keyboard.type('tracker');
    await page.getByRole('link', { name: 'Old tracker' }).waitFor();
    await page.waitForFunction(() => !document.body.innerText.includes('Booking service'));
    await page.context().close();
  });

  it('says what to do when nothing matches', async () => {
    const page = await open('/catalog?filters[text]=nothing-is-called-this');
    await page.getByRole('button', { name: /clear/i }).or(page.getByRole('link', { name: /clear/i })).first().waitFor();
    await page.context().close();
  });
});

describe('the command palette', () => {
  it('opens with Ctrl-K, finds and goes', async () => {
    const page = await open('/catalog');
    await page.getByRole('link', { name: 'Booking service' }).waitFor();
    await page.keyboard.press('Control+k');
    await page.getByRole('combobox', { name: /search/i }).waitFor();
    await page.keyboard.type('pricing ser');
    await page.getByRole('option', { name: /Pricing service/ }).waitFor();
    await page.keyboard.press('Enter');
    await page.waitForURL(/\/catalog\/default\/component\/pricing-service/i);
    await page.context().close();
  });
});

describe('an entity', () => {
  it('shows what it is, whose it is and what it hangs on', async () => {
    const page = await open('/catalog/default/component/booking-service');
    await page.getByRole('heading', { name: 'Booking service' }).waitFor();
    for (const name of ['Booking database', 'Booking website', 'Booking API', 'Pricing API']) {
      await page.getByRole('main').getByRole('link', { name: new RegExp(name) }).first().waitFor();
    }
    await page.context().close();
  });

  it('needs no request of its own before it is shown', async () => {
    const page = await open('/settings');
    const asked = [];
    page.on('request', r => { if (/by-name\/component\/default\/booking-service$/.test(r.url())) asked.push(r.url()); });
    await page.goto(`${server.base}/catalog/default/component/booking-service`);
    await page.getByRole('heading', { name: 'Booking service' }).waitFor();
    assert.deepEqual(asked, []);
    await page.context().close();
  });

  it('has its tabs in the address', async () => {
    const page = await open('/catalog/default/api/booking');
    await page.getByRole('link', { name: 'Definition' }).or(page.getByRole('tab', { name: 'Definition' })).first().click();
    await page.getByText('/bookings/{id}/confirm').waitFor();
    assert.match(page.url(), /booking\/\w+/);
    await page.reload();
    await page.getByText('/bookings/{id}/confirm').waitFor();
    await page.context().close();
  });

  it('tells its history, and shows a change as it happens', async () => {
    const page = await open('/catalog/default/resource/pushed-by-ci', { signedIn: true });
    await page.getByText(/not|no such/i).first().waitFor();
    await push('pushed-by-ci', 'the first text');
    await page.goto(`${server.base}/catalog/default/resource/pushed-by-ci`);
    await page.getByText('the first text').first().waitFor();
    await push('pushed-by-ci', 'the second text');
    await page.getByText('the second text').first().waitFor(); // without a reload
    await page.goto(`${server.base}/catalog/default/resource/pushed-by-ci/history`);
    await page.getByText('v2').first().waitFor();
    await page.getByText('the first text').first().waitFor();
    await page.getByText('the second text').first().waitFor();
    await page.context().close();
  });

  it('that does not exist says what to do', async () => {
    const page = await open('/catalog/default/component/no-such-thing');
    await page.getByRole('link', { name: /why/i }).first().waitFor();
    await page.context().close();
  });
});

describe('registering', () => {
  it('shows what a file brings before it is stored, and leads there', async () => {
    const page = await open('/catalog-import');
    await page.getByRole('textbox').first().fill(`${web.url}/catalog-info.yaml`);
    await page.getByRole('button', { name: /look/i }).click();
    await page.getByText('registered-here').first().waitFor();
    await page.getByRole('button', { name: /register/i }).last().click();
    await page.getByRole('link', { name: /registered-here/ }).first().click();
    await page.getByRole('heading', { name: 'registered-here' }).waitFor();
    await page.context().close();
  });

  it('explains a host that may not be read', async () => {
    const page = await open('/catalog-import');
    await page.getByRole('textbox').first().fill('https://elsewhere.example/catalog-info.yaml');
    await page.getByRole('button', { name: /look/i }).click();
    await page.getByText(/reading/).first().waitFor();
    await page.context().close();
  });
});

describe('why is it not here', () => {
  it('names file, line and reason', async () => {
    const page = await open('/catalog/why');
    await page.getByText(/broken\.yaml/).first().waitFor();
    await page.context().close();
  });
});

async function push(name, description) {
  const res = await fetch(`${server.base}/api/catalog/entities?source=ci`, {
    method: 'PUT',
    headers: { authorization: `Bearer ${await guestToken(server.base)}`, 'content-type': 'application/json' },
    body: JSON.stringify({ entities: [{ apiVersion: 'backstage.io/v1alpha1', kind: 'Resource', metadata: { name, description }, spec: { type: 'database', owner: 'group:default/platform' } }] }),
  });
  assert.equal(res.status, 200, await res.text());
}

const pages = [
  ['sign-in', '/', 'Enter as guest', { signedIn: false }],
  ['catalog', '/catalog', 'Booking service'],
  ['groups', '/catalog?filters[kind]=group', 'Engineering enablement'],
  ['component', '/catalog/default/component/booking-service', 'Holds slots for ten minutes'],
  ['relations', '/catalog/default/component/booking-service/relations', 'Booking database'],
  ['history', '/catalog/default/component/booking-service/history', 'Created'],
  ['openapi', '/catalog/default/api/booking/definition', '/bookings/{id}/confirm'],
  ['asyncapi', '/catalog/default/api/booking-events/definition', 'booking.confirmed'],
  ['graphql', '/catalog/default/api/tracking-graph/definition', 'Vessel'],
  ['grpc', '/catalog/default/api/capacity/definition', 'WatchSailings'],
  ['group', '/catalog/default/group/product', 'Aiko Tanabe'],
  ['user', '/catalog/default/user/mei.zhang', 'Mei Zhang'],
  ['system', '/catalog/default/system/booking-desk', 'Slots, capacity and confirmations'],
  ['location', '/catalog/default/location/harbour-lane', 'harbour-lane'],
  ['ai-resource', '/catalog/default/airesource/incident-notes', 'Incident notes'],
  ['graph', '/catalog-graph?rootEntityRefs[]=component:default/booking-service', 'Booking API'],
  ['register', '/catalog-import', 'Register a catalog file'],
  ['why', '/catalog/why', 'Why is it not here'],
  ['settings', '/settings', 'user:default/guest'],
  ['nowhere', '/no/such/page', ''],
];

describe('every page', { concurrency: 2 }, () => {
  for (const [name, target, text, options] of pages) {
    for (const [scheme, width, height] of [['light', 1440, 900], ['dark', 1440, 900], ['light', 390, 844], ['dark', 390, 844]]) {
      it(`${name}, ${scheme}, ${width} wide`, async () => {
        const page = await open(target, { ...options, scheme, width, height });
        if (text) await page.getByText(text).first().waitFor();
        else await page.getByRole('heading').first().waitFor();
        assert.deepEqual(await axe(page), []);
        assert.ok(await page.evaluate(() => document.documentElement.scrollWidth <= window.innerWidth + 1), 'the page scrolls sideways');
        if (process.env.SCREENSHOTS) await page.screenshot({ path: path.join(process.env.SCREENSHOTS, `${name}-${scheme}-${width}.png`) });
        await page.context().close();
      });
    }
  }
});

describe('afterwards', () => {
  it('nothing is left in the console', async () => assert.deepEqual(complaints, []));
});
