// The portal's own pages in a real browser: what a user does, with keyboard
// and mouse, light and dark, wide and narrow; no error in the console, no
// serious finding of axe.
import assert from 'node:assert/strict';
import fs from 'node:fs';
import { createRequire } from 'node:module';
import path from 'node:path';
import { after, before, describe, test } from 'node:test';
import { openBrowser } from '../browser.mjs';
import { root, start } from '../server.mjs';

const axeSource = fs.readFileSync(createRequire(import.meta.url).resolve('axe-core/axe.min.js'), 'utf8');

let server, browser;
const complaints = [];

before(async () => {
  browser = await openBrowser();
  if (!browser) return;
  server = await start({
    dir: root,
    config: [{
      organization: { name: 'Harbour Lane' },
      catalog: {
        model: { layers: ['ai'] },
        rules: [{ allow: ['Component', 'API', 'System', 'Domain', 'Resource', 'Group', 'User', 'Location', 'AiResource'] }],
        locations: [
          { type: 'file', target: path.join(root, 'examples/harbour/all.yaml') },
          { type: 'file', target: path.join(root, 'catalog-info.yaml') },
        ],
      },
    }],
  });
});

after(async () => {
  await browser?.close();
  await server?.stop();
});

/** A page of a visitor who is signed in, unless told otherwise. */
async function open(target, { signedIn = true, scheme = 'light', width = 1440, height = 900 } = {}) {
  const context = await browser.newContext({ viewport: { width, height }, colorScheme: scheme });
  if (signedIn) await context.addCookies([{ name: 'stagedoor-provider', value: 'guest', url: server.base }]);
  const page = await context.newPage();
  page.on('console', m => { if (m.type() === 'error') complaints.push(`${page.url()}: ${m.text()} ${m.location().url}`); });
  page.on('pageerror', e => complaints.push(`${page.url()}: ${e}`));
  await page.goto(server.base + target);
  return page;
}

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

const pages = [
  ['sign-in', '/', 'Enter as guest', { signedIn: false }],
  ['catalog', '/catalog', 'Booking service'],
  ['groups', '/catalog?filters[kind]=group', 'Engineering enablement'],
  ['settings', '/settings', 'user:default/guest'],
  ['nowhere', '/no/such/page', ''],
];

describe('every page', () => {
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
