// The system's Chromium, driven by Playwright.
import fs from 'node:fs';
import { createRequire } from 'node:module';
import { chromium } from 'playwright-core';

/** How Chromium is started: headless, and without calls of its own to the network. */
export function launchOptions() {
  const executablePath = ['/usr/bin/chromium', '/usr/bin/google-chrome', process.env.CHROMIUM].find(p => p && fs.existsSync(p));
  return {
    executablePath,
    headless: true,
    args: ['--no-sandbox', '--disable-gpu', '--disable-quic', '--no-first-run', '--disable-background-networking', '--disable-component-update', '--disable-sync'],
  };
}

/**
 * Opens a browser for a test file, or returns undefined and says so where there
 * is none. CI sets STAGEDOOR_REQUIRE_BROWSER=1, which turns that into a failure.
 */
export async function openBrowser() {
  const options = launchOptions();
  if (!options.executablePath) {
    if (process.env.STAGEDOOR_REQUIRE_BROWSER) throw new Error('Chromium is required: apt-get install chromium');
    console.log('SKIP: no Chromium; the browser tests are NOT run');
    return undefined;
  }
  return chromium.launch(options);
}

const axeSource = fs.readFileSync(createRequire(import.meta.url).resolve('axe-core/axe.min.js'), 'utf8');

/** Serious findings of axe on the page as it stands. */
export async function axe(page) {
  await page.evaluate(axeSource);
  const { violations } = await page.evaluate(() => window.axe.run(document, { resultTypes: ['violations'] }));
  return violations.filter(v => ['serious', 'critical'].includes(v.impact)).map(v => `${v.id}: ${v.nodes.slice(0, 3).map(n => n.target.join(' ')).join(', ')}`);
}

/** The sizes and schemes that every page has to be good in. */
export const looks = [['light', 1440, 900], ['dark', 1440, 900], ['light', 360, 780], ['dark', 360, 780]];
