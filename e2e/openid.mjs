// People who sign in by OpenID Connect, for browser tests: the example
// examples/staff-only over the OpenID provider of e2e/oidc.
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import path from 'node:path';
import { freePort, root, start, until } from './server.mjs';

const example = path.join(root, 'examples/staff-only');

/** Starts the OpenID provider with the people of the example, for a portal at the port. */
export async function openIDProvider(port) {
  const child = spawn(path.join(root, 'bin', 'oidc'), [
    '-users', path.join(example, 'users.json'), '-redirect', `http://localhost:${port}/api/auth/oidc/handler/frame`,
  ], { stdio: ['ignore', 'pipe', 'inherit'] });
  let out = '';
  child.stdout.on('data', chunk => { out += chunk; });
  await until('the OpenID provider', () => out.includes('\n') || child.exitCode !== null);
  assert.equal(child.exitCode, null, 'the OpenID provider runs; make bin/oidc builds it');
  return { child, issuer: out.trim() };
}

/**
 * Starts the portal of the example, in development and with a guest beside the
 * OpenID provider, and stops both with stop().
 *
 * @param config  further layers of the configuration
 */
export async function startExample(config = []) {
  const port = await freePort();
  const provider = await openIDProvider(port);
  const server = await start({
    port,
    dir: root,
    config: [path.join(example, 'app-config.yaml'), {
      app: { baseUrl: `http://localhost:${port}` },
      backend: { baseUrl: `http://localhost:${port}`, listen: { host: '127.0.0.1', port } },
      auth: {
        environment: 'development',
        providers: {
          oidc: {
            development: {
              metadataUrl: `${provider.issuer}/.well-known/openid-configuration`,
              clientId: 'stagedoor',
              clientSecret: 'stagedoor-secret',
              prompt: 'auto',
              additionalScopes: ['offline_access'],
              signIn: { resolvers: [{ resolver: 'emailLocalPartMatchingUserEntityName', allowedDomains: ['harbour.example'] }] },
            },
          },
        },
      },
      stagedoor: { auth: { providers: { oidc: { title: 'Harbour ID', message: 'With your badge and your password.' } } } },
    }, ...config],
    env: { OIDC_ISSUER: provider.issuer },
  });
  return {
    ...server,
    async stop() {
      await server.stop();
      provider.child.kill();
    },
  };
}

/** Fills in the provider's form. */
export async function answerForm(page, name) {
  await page.getByLabel('User name').fill(name);
  await page.getByLabel('Password').fill('harbour');
  await page.getByLabel('Password').press('Enter');
}

/** Signs a person in through the provider's window, from the page as it stands. */
export async function signInByWindow(page, name, button = 'Sign in with Harbour ID') {
  const opened = page.waitForEvent('popup');
  await page.getByRole('button', { name: button }).click();
  await answerForm(await opened, name);
}
