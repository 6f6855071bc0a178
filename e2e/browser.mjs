// The system's Chromium, driven by Playwright.
import fs from 'node:fs';
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
