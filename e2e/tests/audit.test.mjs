// The audit log in a real browser: searching, reading one event, verifying,
// exporting, and what is said when there is nothing or something is wrong.
import assert from 'node:assert/strict';
import fs from 'node:fs';
import path from 'node:path';
import { after, before, describe, test } from 'node:test';
import { axe, looks, openBrowser } from '../browser.mjs';
import { signInByWindow, startExample } from '../openid.mjs';
import { until } from '../server.mjs';

/** The filter that finds what the person of these tests changed. */
const changes = 'plugin=catalog&severity=medium&actor=user:backstage/ada.quill';

let server, browser, context;
const complaints = [];

before(async () => {
  browser = await openBrowser();
  if (!browser) return;
  server = await startExample();
  context = await browser.newContext({ viewport: { width: 1440, height: 900 }, acceptDownloads: true });
  const page = await context.newPage();
  await page.goto(server.base);
  await signInByWindow(page, 'ada');
  await page.getByRole('link', { name: 'Timetable website' }).first().waitFor();
  const token = await page.evaluate(async () => {
    const answer = await fetch('/api/auth/oidc/refresh?env=development', { headers: { 'x-requested-with': 'XMLHttpRequest' } });
    return (await answer.json()).backstageIdentity.token;
  });
  await page.close();
  // Sixty changes, so that there is more than one page.
  for (let n = 0; n < 60; n++) {
    const res = await fetch(`${server.base}/api/catalog/locations`, {
      method: 'POST', headers: { authorization: `Bearer ${token}`, 'content-type': 'application/json' },
      body: JSON.stringify({ type: 'url', target: `https://harbour.example/${n}.yaml` }),
    });
    assert.equal(res.status, 201);
  }
  await until('the events', async () => {
    const res = await fetch(`${server.base}/api/audit/events?${changes}&limit=100`, { headers: { authorization: `Bearer ${token}` } });
    return (await res.json()).items?.length >= 60;
  });
});

after(async () => {
  await browser?.close();
  await server?.stop();
});

const it = (name, fn) => test(name, async t => {
  if (!browser) return t.skip('no browser');
  const pages = [];
  const open = async (target, { scheme = 'light', width = 1440, height = 900 } = {}) => {
    const page = await context.newPage();
    pages.push(page);
    page.on('pageerror', e => complaints.push(`${page.url()}: ${e}`));
    await page.setViewportSize({ width, height });
    await page.emulateMedia({ colorScheme: scheme });
    await page.goto(server.base + target);
    return page;
  };
  try {
    await fn(open);
  } catch (cause) {
    for (const page of pages) console.log(`${page.url()}\n${(await page.innerText('body').catch(String)).slice(0, 3000)}`);
    throw cause;
  } finally {
    for (const page of pages) await page.close();
  }
});

const events = page => page.getByRole('region', { name: 'Events' }).getByRole('listitem');
const rows = page => page.getByRole('region', { name: 'Events' }).locator('.event-row');

describe('the list', () => {
  it('is found by result, actor and text, and all of it stands in the address', async open => {
    const page = await open('/admin/audit');
    await rows(page).first().waitFor();
    await page.getByRole('combobox', { name: 'Result' }).selectOption('succeeded');
    await page.waitForURL(/status=succeeded/);
    await page.getByText('More filters').click();
    await page.getByRole('textbox', { name: 'Actor' }).fill('user:backstage/ada.quill');
    await page.getByRole('textbox', { name: 'Actor' }).press('Enter');
    await page.waitForURL(/actor=user/);
    await page.getByRole('searchbox', { name: 'Text' }).fill('harbour*');
    await page.keyboard.press('Enter');
    await page.waitForURL(/text=harbour/);
    await rows(page).first().waitFor();
    const address = page.url();
    const again = await open(address.slice(server.base.length));
    await rows(again).first().waitFor();
    assert.equal(await again.getByRole('textbox', { name: 'Actor' }).inputValue(), 'user:backstage/ada.quill');
    for (const text of await rows(again).allInnerTexts()) assert.match(text, /ada\.quill/);
    await again.getByRole('button', { name: 'Clear', exact: true }).click();
    await again.waitForURL(/\/admin\/audit$/);
  });

  it('goes back in time page by page, without showing an event twice', async open => {
    const page = await open('/admin/audit?' + changes);
    await rows(page).first().waitFor();
    assert.equal(await rows(page).count(), 50);
    const first = await rows(page).first().innerText();
    const targets = new Set(await page.locator('.event-target').allInnerTexts());
    await page.getByRole('button', { name: 'Older' }).click();
    await page.waitForURL(/cursor=/);
    await page.waitForFunction(() => document.querySelectorAll('.event-row').length < 50);
    for (const target of await page.locator('.event-target').allInnerTexts()) if (target) assert.ok(!targets.has(target), target);
    await page.goBack();
    await page.waitForFunction(text => document.querySelector('.event-row')?.innerText === text, first);
  });

  it('says what to do when nothing matches', async open => {
    const page = await open('/admin/audit?text=nothing-is-called-this');
    await page.getByRole('heading', { name: 'No event matches' }).waitFor();
    await page.getByRole('button', { name: 'Show all events' }).click();
    await rows(page).first().waitFor();
  });

  it('explains a filter that makes no sense', async open => {
    const page = await open('/admin/audit?cursor=nonsense');
    await page.getByText('Malformed cursor', { exact: true }).waitFor();
    await page.getByRole('button', { name: 'Back to the newest' }).click();
    await rows(page).first().waitFor();
  });

  it('does not read the log again by itself: every reading is an event', async open => {
    const page = await open('/admin/audit');
    await rows(page).first().waitFor();
    const asked = [];
    page.on('request', r => { if (r.url().includes('/api/audit/')) asked.push(r.url()); });
    await rows(page).first().click();
    await page.getByText('Copy JSON').waitFor();
    await page.evaluate(() => document.dispatchEvent(new Event('visibilitychange')));
    await page.evaluate(() => window.dispatchEvent(new Event('focus')));
    await page.waitForTimeout(500);
    assert.deepEqual(asked, []);
  });
});

describe('an event', () => {
  it('is told in full, by keyboard too, and leads to others like it', async open => {
    const page = await open('/admin/audit?' + changes);
    await rows(page).first().waitFor();
    await rows(page).first().focus();
    await page.keyboard.press('Enter');
    await page.waitForURL(/id=/);
    const detail = events(page).filter({ hasText: 'Copy JSON' });
    const text = await detail.innerText();
    assert.match(text, /POST \/api\/catalog\/locations/);
    assert.match(text, /[0-9a-f]{64}/);
    assert.match(text, /ada\.quill/);
    await detail.getByText('As JSON').click();
    const shown = JSON.parse(await detail.locator('.event-json pre').innerText());
    assert.equal(shown.actor.subject, 'user:backstage/ada.quill');
    assert.deepEqual(await axe(page), []);
    await detail.getByRole('button', { name: 'More of this event' }).click();
    await page.waitForURL(new RegExp(`event=${shown.name}`));
    // The address of one event shows it even where the list does not have it.
    const one = await open(`/admin/audit?text=nothing-is-called-this&id=${shown.id}`);
    await one.getByRole('region', { name: 'Event', exact: true }).getByText(shown.hash, { exact: true }).waitFor();
  });
});

describe('the log as a whole', () => {
  it('is verified at the press of a button', async open => {
    const page = await open('/admin/audit');
    await page.getByRole('button', { name: 'Verify' }).click();
    await page.getByText(/^All [\d,]+ events are what was written\.$/).waitFor();
    assert.deepEqual(await axe(page), []);
    if (process.env.SCREENSHOTS) await page.screenshot({ path: path.join(process.env.SCREENSHOTS, 'audit-verified.png') });
  });

  it('says it when something was changed', async open => {
    const page = await open('/admin/audit');
    await page.route('**/api/audit/verify', route => route.fulfill({
      json: { ok: false, checked: 41, first: 1, unsealed: 0, head: { seq: 60, hash: 'abc' }, problem: { seq: 42, id: 'x', message: 'the hash does not fit the event' } },
    }));
    await page.getByRole('button', { name: 'Verify' }).click();
    await page.getByText('The log is not what was written.').waitFor();
    await page.getByText('Event 42: the hash does not fit the event').waitFor();
  });

  it('is exported as it is filtered', async open => {
    const page = await open('/admin/audit?' + changes);
    await rows(page).first().waitFor();
    await page.getByRole('button', { name: 'Export' }).click();
    const started = page.waitForEvent('download');
    await page.getByRole('menuitem', { name: /JSON/ }).click();
    const file = await (await started).path();
    const list = fs.readFileSync(file, 'utf8').trim().split('\n').map(line => JSON.parse(line));
    assert.ok(list.length >= 60, `${list.length} events`);
    assert.ok(list.every(e => e.plugin === 'catalog' && e.actor.subject === 'user:backstage/ada.quill'));
  });
});

describe('every look', () => {
  for (const [scheme, width, height] of looks) {
    it(`${scheme}, ${width} wide`, async open => {
      const page = await open('/admin/audit', { scheme, width, height });
      await rows(page).first().waitFor();
      assert.deepEqual(await axe(page), []);
      if (process.env.SCREENSHOTS) await page.screenshot({ path: path.join(process.env.SCREENSHOTS, `audit-${scheme}-${width}.png`) });
      await rows(page).first().click();
      await page.getByText('Copy JSON').waitFor();
      assert.deepEqual(await axe(page), []);
      assert.ok(await page.evaluate(() => document.documentElement.scrollWidth <= window.innerWidth + 1), 'the page scrolls sideways');
      if (process.env.SCREENSHOTS) await page.screenshot({ path: path.join(process.env.SCREENSHOTS, `audit-open-${scheme}-${width}.png`), fullPage: true });
    });
  }

  test('throws no errors', () => assert.deepEqual(complaints, []));
});
