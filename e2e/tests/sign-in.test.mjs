// Signing in and out in a real browser, at a real OpenID provider: the window
// and the way without one, what goes wrong, several tabs, a session that ends
// in the middle of work, and programs that ask to act for somebody.
import assert from 'node:assert/strict';
import crypto from 'node:crypto';
import http from 'node:http';
import { once } from 'node:events';
import path from 'node:path';
import { after, before, describe, test } from 'node:test';
import { axe, looks, openBrowser } from '../browser.mjs';
import { answerForm, signInByWindow, startExample } from '../openid.mjs';

let server, browser;

before(async () => {
  browser = await openBrowser();
  if (!browser) return;
  server = await startExample([{ auth: { experimentalDynamicClientRegistration: { enabled: true } } }]);
});

after(async () => {
  await browser?.close();
  await server?.stop();
});

const it = (name, fn) => test(name, async t => {
  if (!browser) return t.skip('no browser');
  const contexts = [];
  const open = async (target, { base = server.base, scheme = 'light', width = 1280, height = 860, context, headers } = {}) => {
    const own = context ?? await browser.newContext({ viewport: { width, height }, colorScheme: scheme, extraHTTPHeaders: headers });
    if (!context) contexts.push(own);
    const page = await own.newPage();
    await page.goto(base + target);
    return page;
  };
  try {
    await fn(open);
  } catch (cause) {
    for (const page of contexts.flatMap(context => context.pages())) console.log(`${page.url()}\n${await page.innerText('body').catch(String)}`);
    throw cause;
  } finally {
    for (const context of contexts) await context.close();
  }
});

const shot = async (page, name) => {
  if (process.env.SCREENSHOTS) await page.screenshot({ path: path.join(process.env.SCREENSHOTS, `${name}.png`) });
};

const inside = page => page.getByRole('link', { name: 'Timetable website' }).first().waitFor();

describe('the sign-in page', () => {
  for (const [scheme, width, height] of looks) {
    it(`lists what is configured, ${scheme}, ${width} wide`, async open => {
      const page = await open('/', { scheme, width, height });
      await page.getByRole('button', { name: 'Sign in with Harbour ID' }).waitFor();
      assert.deepEqual(await page.getByRole('listitem').getByRole('button').allTextContents(), ['Sign in with Harbour ID', 'Enter as guest']);
      await page.getByText('With your badge and your password.').waitFor();
      assert.deepEqual(await axe(page), []);
      await shot(page, `sign-in-${scheme}-${width}`);
    });
  }

  it('can be used from the keyboard', async open => {
    const page = await open('/');
    await page.getByRole('button', { name: 'Enter as guest' }).waitFor();
    await page.keyboard.press('Tab');
    await page.keyboard.press('Tab');
    await page.keyboard.press('Enter');
    await page.getByRole('button', { name: /guest/ }).first().waitFor();
  });
});

describe('the window of the provider', () => {
  it('signs in where one was, and is not needed the next time', async open => {
    const page = await open('/catalog/default/system/timetable');
    await signInByWindow(page, 'ines');
    await page.getByRole('heading', { name: 'Timetable', exact: true }).waitFor();
    assert.match(page.url(), /system\/timetable$/);
    await page.reload();
    await page.getByRole('heading', { name: 'Timetable', exact: true }).waitFor();
    await page.goto(`${server.base}/settings`);
    const main = page.getByRole('main');
    for (const text of ['Ines Moor', 'ines.moor@harbour.example', 'Harbour ID', 'renewed by itself']) await main.getByText(text).first().waitFor();
    assert.deepEqual((await main.locator('.setting', { hasText: 'Owns as' }).getByRole('link').allTextContents()).sort(), ['backstage/default', 'backstage/ines.moor', 'backstage/staff']);
  });

  it('explains itself when it is closed, and there is a way without it', async open => {
    const page = await open('/catalog?filters[kind]=system');
    const opened = page.waitForEvent('popup');
    await page.getByRole('button', { name: 'Sign in with Harbour ID' }).click();
    const popup = await opened;
    await page.getByText('Go on in the window that opened.').waitFor();
    await popup.getByLabel('User name').waitFor();
    await popup.close();
    await page.getByRole('alert').getByText('The sign-in window was closed').waitFor();
    assert.deepEqual(await axe(page), []);
    await shot(page, 'sign-in-closed');
    await page.getByRole('button', { name: 'Sign in without a window' }).click();
    await answerForm(page, 'tom');
    await page.getByRole('link', { name: 'Timetable', exact: true }).waitFor();
    assert.match(decodeURIComponent(page.url()), /\/catalog\?filters\[kind\]=system$/);
  });

  it('explains itself when the browser blocks it', async open => {
    const page = await open('/');
    await page.evaluate(() => { window.open = () => null; });
    await page.getByRole('button', { name: 'Sign in with Harbour ID' }).click();
    await page.getByRole('alert').getByText('The sign-in window was blocked').waitFor();
    await page.getByRole('button', { name: 'Sign in without a window' }).waitFor();
  });

  it('says who is not let in, and what to do', async open => {
    const page = await open('/');
    await signInByWindow(page, 'eve');
    await page.getByRole('alert').getByText('You were not signed in').waitFor();
    await page.getByRole('alert').getByText(/ask whoever runs the portal/).waitFor();
    await page.getByRole('button', { name: 'Sign in with Harbour ID' }).click({ trial: true });
    await shot(page, 'sign-in-refused');
  });

  it('says so when the person refuses there', async open => {
    const page = await open('/');
    const opened = page.waitForEvent('popup');
    await page.getByRole('button', { name: 'Sign in with Harbour ID' }).click();
    await (await opened).getByRole('button', { name: 'Deny' }).click();
    await page.getByRole('alert').locator('.notice').waitFor();
  });

  it('is not believed when it is another window that speaks', async open => {
    const page = await open('/');
    const opened = page.waitForEvent('popup');
    await page.getByRole('button', { name: 'Sign in with Harbour ID' }).click();
    await opened;
    await page.evaluate(() => window.postMessage({ type: 'authorization_response', response: { backstageIdentity: { token: 'x', identity: { userEntityRef: 'user:default/evil', ownershipEntityRefs: [] } } } }, location.origin));
    await page.getByText('Go on in the window that opened.').waitFor();
    assert.equal(await page.getByText('evil').count(), 0);
  });
});

describe('without windows', () => {
  it('leaves the page, comes back to it, and shows there what went wrong', async open => {
    const own = await startExample([{ enableExperimentalRedirectFlow: true }]);
    try {
      const page = await open('/catalog/default/system/timetable?from=here', { base: own.base });
      await page.getByRole('button', { name: 'Sign in with Harbour ID' }).click();
      await answerForm(page, 'eve');
      await page.getByRole('alert').getByText('You were not signed in').waitFor();
      assert.equal(page.url(), `${own.base}/catalog/default/system/timetable?from=here`);
      await page.getByRole('button', { name: 'Sign in with Harbour ID' }).click();
      await answerForm(page, 'ines');
      await page.getByRole('heading', { name: 'Timetable', exact: true }).waitFor();
      assert.equal(page.url(), `${own.base}/catalog/default/system/timetable?from=here`);
    } finally {
      await own.stop();
    }
  });

  it('believes no address that says a sign-in failed, unless one was under way', async open => {
    const page = await open('/?error=Call%20this%20number');
    await page.getByRole('button', { name: 'Enter as guest' }).waitFor();
    assert.equal(await page.getByText('Call this number').count(), 0);
  });
});

describe('behind a gateway', () => {
  const config = [{ auth: { providers: { oauth2Proxy: { signIn: { resolvers: [{ resolver: 'forwardedUserMatchingUserEntityName' }] } } } } }];

  it('nobody has to click, until somebody leaves on purpose', async open => {
    const own = await startExample(config);
    try {
      const page = await open('/catalog', { base: own.base, headers: { 'x-forwarded-user': 'ines.moor' } });
      await inside(page);
      await page.getByRole('button', { name: /ines/i }).click();
      await page.getByRole('button', { name: 'Sign out' }).click();
      await page.getByRole('button', { name: 'Continue with the proxy' }).waitFor();
      await page.reload();
      await page.getByRole('button', { name: 'Continue with the proxy' }).click();
      await inside(page);
    } finally {
      await own.stop();
    }
  });
});

describe('the first paint', () => {
  it('does not wait for the provider, and nothing moves when it answers', async open => {
    const page = await open('/catalog');
    await signInByWindow(page, 'ines');
    await inside(page);
    // Measured on a page of its own, with a provider that takes its time.
    const context = page.context();
    await context.route('**/api/auth/oidc/refresh*', async route => {
      await new Promise(resolve => setTimeout(resolve, 1200));
      await route.continue();
    });
    const next = await context.newPage();
    await next.addInitScript(() => {
      window.shifts = 0;
      window.moved = [];
      new PerformanceObserver(list => {
        for (const entry of list.getEntries()) {
          if (entry.hadRecentInput) continue;
          window.shifts += entry.value;
          for (const { node, previousRect: a, currentRect: b } of entry.sources) window.moved.push(`${node?.nodeName}.${node?.className} ${a.x},${a.y} → ${b.x},${b.y}`);
        }
      }).observe({ type: 'layout-shift', buffered: true });
    });
    await next.goto(`${server.base}/catalog`);
    await next.getByRole('heading', { name: 'Catalog' }).waitFor({ timeout: 1000 });
    await next.getByRole('button', { name: /Ines Moor/ }).waitFor({ timeout: 1000 });
    assert.equal(await next.getByRole('link', { name: 'Timetable website' }).count(), 0, 'nothing is shown before the provider agreed');
    await inside(next);
    const { shifts, moved, painted } = await next.evaluate(() => ({ shifts: window.shifts, moved: window.moved, painted: performance.getEntriesByName('first-contentful-paint')[0]?.startTime }));
    console.log(`first paint after ${Math.round(painted)} ms, layout shift ${shifts.toFixed(4)}`);
    assert.ok(painted < 1000, `first paint after ${painted} ms`);
    assert.ok(shifts < 0.02, `layout shift ${shifts}: ${moved.join('; ')}`);
  });
});

describe('several tabs', () => {
  it('sign out together', async open => {
    const one = await open('/catalog');
    await signInByWindow(one, 'tom');
    await inside(one);
    const two = await open('/settings', { context: one.context() });
    await two.getByText('Tom Weir').first().waitFor();
    await two.getByRole('main').getByRole('button', { name: 'Sign out' }).click();
    await two.getByRole('button', { name: 'Sign in with Harbour ID' }).waitFor();
    await one.getByRole('button', { name: 'Sign in with Harbour ID' }).waitFor();
    await one.reload();
    await one.getByRole('button', { name: 'Sign in with Harbour ID' }).waitFor();
  });

  it('ask the provider once for all of them', async open => {
    const one = await open('/catalog');
    await signInByWindow(one, 'tom');
    await inside(one);
    const context = one.context();
    let asked = 0;
    await context.route('**/api/auth/oidc/refresh*', async route => {
      asked++;
      await new Promise(resolve => setTimeout(resolve, 1500));
      await route.continue();
    });
    const tabs = await Promise.all([1, 2, 3].map(async () => {
      const page = await context.newPage();
      await page.goto(`${server.base}/catalog`, { waitUntil: 'commit' });
      return page;
    }));
    await Promise.all(tabs.map(inside));
    assert.equal(asked, 1);
  });

  it('sign in together', async open => {
    const one = await open('/catalog');
    const two = await open('/catalog', { context: one.context() });
    await signInByWindow(two, 'tom');
    await inside(two);
    await inside(one);
  });
});

describe('a session that ends', () => {
  /** From now on the server knows neither token nor refresh token of the page. */
  async function end(page) {
    const old = new Set();
    await page.route('**/api/**', async route => {
      const { url, headers } = { url: route.request().url(), headers: route.request().headers() };
      if (url.includes('/api/auth/oidc/refresh')) return route.fulfill({ status: 401, json: { error: { name: 'AuthenticationError', message: 'no refresh token' } } });
      const token = headers.authorization;
      if (!token || url.includes('/api/auth/')) return route.continue();
      if (old.size === 0) old.add(token);
      return old.has(token) ? route.fulfill({ status: 401, json: { error: { name: 'AuthenticationError', message: 'expired' } } }) : route.continue();
    });
  }

  it('takes nothing that was entered, and what was asked is asked again', async open => {
    const page = await open('/catalog-import');
    await signInByWindow(page, 'ada');
    const field = page.getByRole('textbox', { name: 'Address of a file or repository' });
    await field.fill('https://example.com/catalog-info.yaml');
    await end(page);
    await page.getByRole('button', { name: 'Look at it' }).click();
    const dialog = page.getByRole('dialog', { name: 'Your session has ended' });
    await dialog.waitFor();
    assert.equal(await field.inputValue(), 'https://example.com/catalog-info.yaml');
    assert.deepEqual(await axe(page), []);
    await shot(page, 'session-ended');
    await page.keyboard.press('Escape');
    await page.getByRole('status').getByText('Your session has ended.').waitFor();
    await page.getByRole('button', { name: 'Sign in', exact: true }).click();
    await signInByWindow(page, 'ada');
    await dialog.waitFor({ state: 'detached' });
    await page.getByText('The portal may not read from example.com').waitFor(); // the answer to what was asked before
    assert.equal(await field.inputValue(), 'https://example.com/catalog-info.yaml');
  });

  it('goes on when the user signs in in another tab', async open => {
    const page = await open('/catalog');
    await signInByWindow(page, 'ada');
    await inside(page);
    await end(page);
    await page.getByRole('link', { name: /^APIs/ }).first().click();
    await page.getByRole('dialog', { name: 'Your session has ended' }).waitFor();
    const other = await open('/catalog', { context: page.context() });
    await inside(other); // the provider still knows the browser
    await page.getByRole('link', { name: 'Departures' }).waitFor();
    assert.equal(await page.getByRole('dialog').count(), 0);
  });
});

describe('a program that asks to act for somebody', () => {
  const challenge = crypto.createHash('sha256').update('v'.repeat(64)).digest('base64url');

  /** Registers a program and asks for a code, up to the page that asks the user. */
  async function ask(redirect) {
    const registered = await fetch(`${server.base}/api/auth/v1/register`, {
      method: 'POST', headers: { 'content-type': 'application/json' },
      body: JSON.stringify({ client_name: 'Harbour agent', redirect_uris: [redirect] }),
    });
    assert.equal(registered.status, 201, await registered.clone().text());
    const { client_id: id } = await registered.json();
    const query = new URLSearchParams({ client_id: id, redirect_uri: redirect, response_type: 'code', scope: 'openid', state: 'st', code_challenge: challenge, code_challenge_method: 'S256' });
    const sent = await fetch(`${server.base}/api/auth/v1/authorize?${query}`, { redirect: 'manual' });
    assert.equal(sent.status, 302, await sent.text());
    return new URL(sent.headers.get('location')).pathname;
  }

  async function listener() {
    const web = http.createServer((req, res) => res.end('the program has it'));
    web.listen(0, '127.0.0.1');
    await once(web, 'listening');
    return { redirect: `http://127.0.0.1:${web.address().port}/callback`, close: () => web.close() };
  }

  it('is shown with its address; who is not signed in does that first; approval gives a code', async open => {
    const program = await listener();
    try {
      const page = await open(await ask(program.redirect));
      await page.getByRole('button', { name: 'Enter as guest' }).click();
      await page.getByRole('heading', { name: 'Harbour agent wants to act as you' }).waitFor();
      await page.getByText(program.redirect).waitFor();
      await page.getByText('user:default/guest').waitFor();
      assert.deepEqual(await axe(page), []);
      await shot(page, 'consent');
      await page.getByRole('button', { name: 'Approve' }).click();
      await page.getByText('the program has it').waitFor();
      const got = new URL(page.url()).searchParams;
      assert.ok(got.get('code'));
      assert.equal(got.get('state'), 'st');
    } finally {
      program.close();
    }
  });

  it('learns of a refusal', async open => {
    const program = await listener();
    try {
      const page = await open(await ask(program.redirect));
      await page.getByRole('button', { name: 'Enter as guest' }).click();
      await page.getByRole('button', { name: 'Reject' }).click();
      await page.getByText('the program has it').waitFor();
      assert.equal(new URL(page.url()).searchParams.get('error'), 'access_denied');
    } finally {
      program.close();
    }
  });

  for (const [scheme, width, height] of looks) {
    it(`has asked in vain when the request is gone, ${scheme}, ${width} wide`, async open => {
      const page = await open('/oauth2/authorize/00000000-0000-0000-0000-000000000000', { scheme, width, height });
      await page.getByRole('button', { name: 'Enter as guest' }).click();
      await page.getByRole('heading', { name: 'This request is not open any more' }).waitFor();
      assert.deepEqual(await axe(page), []);
      await shot(page, `consent-gone-${scheme}-${width}`);
    });
  }
});
