// The pages about permissions in a real browser: what somebody sees, who sees
// something, why, the policy in force; what is offered to whom; the gallery of
// templates. The policy is that of examples/staff-only.
import assert from 'node:assert/strict';
import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { after, before, describe, test } from 'node:test';
import { axe, looks, openBrowser } from '../browser.mjs';
import { signInByWindow, startExample } from '../openid.mjs';
import { root } from '../server.mjs';

const lines = fs.readFileSync(path.join(root, 'examples/staff-only/policy.yaml'), 'utf8').split('\n');
/** The line of a statement, as the pages show it. */
const lineOf = text => new RegExp(`policy\\.yaml:${lines.findIndex(line => line.includes(text)) + 1}\\b`);

let server, browser, policy;
const people = {};
const complaints = [];

before(async () => {
  browser = await openBrowser();
  if (!browser) return;
  policy = path.join(fs.mkdtempSync(path.join(os.tmpdir(), 'stagedoor-policy-')), 'policy.yaml');
  fs.writeFileSync(policy, lines.join('\n'));
  server = await startExample([{ permission: { policy: { file: policy } } }]);
  for (const name of ['ada', 'ines', 'tom']) {
    people[name] = await browser.newContext({ viewport: { width: 1440, height: 900 } });
    const page = await people[name].newPage();
    await page.goto(server.base);
    await signInByWindow(page, name);
    await page.getByRole('link', { name: 'Timetable website' }).first().waitFor();
    await page.close();
  }
});

after(async () => {
  await browser?.close();
  await server?.stop();
  if (policy) fs.rmSync(path.dirname(policy), { recursive: true, force: true });
});

const it = (name, fn) => test(name, async t => {
  if (!browser) return t.skip('no browser');
  const pages = [];
  const open = async (who, target, { scheme = 'light', width = 1440, height = 900 } = {}) => {
    const page = await people[who].newPage();
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
    for (const page of pages) console.log(`${page.url()}\n${await page.innerText('body').catch(String)}`);
    throw cause;
  } finally {
    for (const page of pages) await page.close();
  }
});

const main = page => page.getByRole('main');

describe('what somebody can see', () => {
  it('is one’s own at first, and that of anybody who is picked by name', async open => {
    const page = await open('ada', '/admin/policy');
    await main(page).getByRole('heading', { name: /^Sees everything/ }).waitFor();
    const field = page.getByRole('combobox', { name: 'User' });
    await field.fill('tom');
    await page.getByRole('option', { name: /Tom Weir|tom\.weir/ }).waitFor();
    await page.keyboard.press('ArrowDown');
    await page.keyboard.press('Enter');
    await main(page).getByRole('heading', { name: /^Sees \d+ of \d+ entities/ }).waitFor();
    assert.equal(new URL(page.url()).searchParams.get('user'), 'user:backstage/tom.weir');
    const templates = main(page).getByRole('row', { name: /Templates/ });
    assert.deepEqual((await templates.getByRole('cell').allTextContents()).slice(1, 3), ['1', '3']);
    await main(page).getByText(/policy\.yaml:\d+/).first().waitFor();
  });

  it('may be asked for a ref that no entity has', async open => {
    const page = await open('ada', '/admin/policy');
    const field = page.getByRole('combobox', { name: 'User' });
    await field.fill('user:backstage/nobody-yet');
    await field.press('Enter');
    await main(page).getByRole('heading', { name: /^Sees \d+ of \d+ entities/ }).waitFor();
  });
});

describe('who can see something', () => {
  it('names every user with the line that decides, and leads there from an entity', async open => {
    const page = await open('ada', '/catalog/default/template/payroll-export');
    await page.getByRole('button', { name: 'Actions' }).click();
    await page.getByRole('menuitem', { name: 'Who can see this?' }).click();
    await main(page).getByRole('heading', { name: '2 of 3 users can see it' }).waitFor();
    const row = name => main(page).getByRole('list', { name: 'Users' }).getByRole('listitem').filter({ hasText: name });
    await row('ines.moor').getByText('Allowed', { exact: true }).waitFor();
    await row('tom.weir').getByText('Denied', { exact: true }).waitFor();
    assert.match(await row('ines.moor').innerText(), lineOf('everybody reads the catalog'));
    assert.match(await row('ada.quill').innerText(), lineOf('administrators do everything'));
    await page.getByRole('button', { name: 'Cannot' }).click();
    await row('ines.moor').waitFor({ state: 'detached' });
    assert.match(page.url(), /result=DENY/);
    await page.reload();
    await row('tom.weir').getByRole('link', { name: /^Explain/ }).click();
    await main(page).getByRole('heading', { name: 'Denied: catalog.entity.read (read)' }).waitFor();
  });
});

describe('the explanation', () => {
  it('goes through the statements in order and the condition leaf by leaf', async open => {
    const page = await open('ada', '/admin/policy?tab=explain&user=user:backstage/tom.weir&entity=template:default/payroll-export');
    await main(page).getByRole('heading', { name: 'Denied: catalog.entity.read (read)' }).waitFor();
    const condition = main(page).getByRole('region', { name: 'Condition' });
    assert.match(await condition.innerText(), /holds:\s*IS_ENTITY_KIND\s*kinds: Template/);
    const statements = main(page).getByRole('region', { name: 'Statements' }).getByRole('listitem');
    assert.ok(await statements.count() >= 3);
    assert.match(await statements.first().innerText(), /Passed over: it is about other users and groups/);
    assert.match(await main(page).getByText('decided', { exact: true }).locator('xpath=ancestor::li').first().innerText(), lineOf('everybody reads the catalog'));
  });

  it('can be asked about any permission, whose name stands in the address', async open => {
    const page = await open('ada', '/admin/policy?tab=explain&user=user:backstage/tom.weir');
    await page.getByRole('combobox', { name: 'Permission' }).selectOption('catalog.entity.create');
    await main(page).getByRole('heading', { name: /^Denied: catalog.entity.create/ }).waitFor();
    assert.match(page.url(), /permission=catalog\.entity\.create/);
    assert.equal(await page.getByRole('combobox', { name: 'Entity' }).count(), 0);
    await page.getByRole('combobox', { name: 'Permission' }).selectOption('audit.event.read');
    await main(page).getByRole('heading', { name: /^Denied: audit.event.read/ }).waitFor();
  });
});

describe('the policy in force', () => {
  it('is shown with lines, and so is why a newer one was refused', async open => {
    const page = await open('ada', '/admin/policy?tab=policy');
    await main(page).getByText('administrators do everything').waitFor();
    await main(page).getByText(lineOf('creating and deleting is for administrators')).waitFor();
    await main(page).getByText('IS_GROUP_IN_TAG', { exact: true }).waitFor();
    fs.writeFileSync(policy, lines.join('\n').replace('IS_GROUP_IN_TAG', 'IS_GROUP_IN_TAGS'));
    await main(page).getByRole('alert').getByText('The newest version was refused').waitFor({ timeout: 30_000 });
    await main(page).getByRole('alert').getByText(/IS_GROUP_IN_TAGS/).waitFor();
    await main(page).getByText('IS_GROUP_IN_TAG', { exact: true }).waitFor();
    if (process.env.SCREENSHOTS) await page.screenshot({ path: path.join(process.env.SCREENSHOTS, 'policy-refused.png') });
    fs.writeFileSync(policy, lines.join('\n'));
    await main(page).getByRole('alert').getByText('The newest version was refused').waitFor({ state: 'detached', timeout: 30_000 });
  });
});

describe('what is offered', () => {
  it('to an administrator, is everything', async open => {
    const page = await open('ada', '/catalog/default/component/timetable-web');
    for (const name of ['Create', 'Register', 'Policy', 'Audit log']) await page.getByRole('link', { name, exact: true }).first().waitFor();
    await page.getByRole('button', { name: 'Actions' }).click();
    await page.getByRole('menuitem', { name: 'Remove…' }).waitFor();
    await page.waitForTimeout(300);
    assert.equal(await page.getByText('not permitted').count(), 0);
  });

  it('to others, is what they may do, and what they may not says so', async open => {
    const page = await open('tom', '/catalog/default/component/timetable-web');
    await page.getByRole('button', { name: 'Actions' }).click();
    for (const name of [/^Read its source again/, /^Remove/]) {
      await page.locator('[role=menuitem][aria-disabled=true]').filter({ hasText: name }).getByText('not permitted').waitFor();
    }
    assert.equal(await page.getByRole('menuitem', { name: 'Who can see this?' }).count(), 0);
    assert.deepEqual(await axe(page), []);
    for (const name of ['Register', 'Policy', 'Audit log']) assert.equal(await page.getByRole('link', { name, exact: true }).count(), 0, name);
    await page.goto(`${server.base}/catalog-import`);
    await page.getByRole('heading', { name: 'You may not register files' }).waitFor();
    await page.goto(`${server.base}/admin/policy?tab=policy`);
    await page.getByRole('heading', { name: 'You may not see this, or not do this' }).waitFor();
    await page.goto(`${server.base}/admin/audit`);
    await page.getByRole('heading', { name: 'You may not see this, or not do this' }).waitFor();
    assert.deepEqual(await axe(page), []);
  });

  it('of templates, is what each may see, by page and by palette', async open => {
    const seen = { ada: 3, ines: 2, tom: 1 };
    for (const [who, count] of Object.entries(seen)) {
      const page = await open(who, '/create');
      await page.getByRole('link', { name: 'A new website' }).waitFor();
      assert.equal(await main(page).getByRole('list', { name: 'Templates' }).getByRole('article').count(), count, who);
    }
    const page = await open('tom', '/catalog/default/template/payroll-export');
    await page.getByRole('heading', { name: 'payroll-export is not in the catalog' }).waitFor();
    assert.deepEqual(await axe(page), []);
  });

  it('of templates, can be filtered by text and tag, in the address', async open => {
    const page = await open('ada', '/create');
    await page.getByRole('searchbox', { name: 'Filter templates' }).fill('payroll');
    await page.getByRole('link', { name: 'A new website' }).waitFor({ state: 'detached' });
    await page.getByRole('link', { name: 'A payroll export' }).waitFor();
    assert.match(page.url(), /q=payroll/);
    await page.goto(`${server.base}/create?tag=website`);
    await page.getByRole('link', { name: 'A new website' }).waitFor();
    assert.equal(await page.getByRole('article').count(), 1);
  });
});

const pages = [
  ['sees', '/admin/policy?user=user:backstage/tom.weir', /Sees \d+ of/],
  ['viewers', '/admin/policy?tab=viewers&entity=template:default/payroll-export', /2 of 3 users/],
  ['viewers-unasked', '/admin/policy?tab=viewers', /Whose eyes/],
  ['explain', '/admin/policy?tab=explain&user=user:backstage/tom.weir&entity=template:default/payroll-export', /Denied: catalog/],
  ['explain-any', '/admin/policy?tab=explain&user=user:backstage/tom.weir', /Under conditions/],
  ['in-force', '/admin/policy?tab=policy', /administrators do everything/],
  ['create', '/create', /A new website/],
];

describe('every page', { concurrency: 2 }, () => {
  for (const [name, target, text] of pages) {
    for (const [scheme, width, height] of looks) {
      it(`${name}, ${scheme}, ${width} wide`, async open => {
        const page = await open('ada', target, { scheme, width, height });
        await main(page).getByText(text).first().waitFor();
        assert.deepEqual(await axe(page), []);
        assert.ok(await page.evaluate(() => document.documentElement.scrollWidth <= window.innerWidth + 1), 'the page scrolls sideways');
        if (process.env.SCREENSHOTS) await page.screenshot({ path: path.join(process.env.SCREENSHOTS, `policy-${name}-${scheme}-${width}.png`), fullPage: width < 500 });
      });
    }
  }

  test('throws no errors', () => assert.deepEqual(complaints, []));
});
