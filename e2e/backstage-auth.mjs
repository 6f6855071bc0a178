// Backstage's own code that issues and verifies tokens, from its npm packages,
// without a database and without the rest of a backend.
//
//   node backstage-auth.mjs verify <base URL> <plugin> < tokens
//
// prints for every line who the token on it stands for, or why it is refused,
// as JSON.
import crypto from 'node:crypto';
import fs from 'node:fs';
import { createRequire } from 'node:module';
import os from 'node:os';
import path from 'node:path';
import readline from 'node:readline';
import { fileURLToPath } from 'node:url';

const require = createRequire(import.meta.url);
const quiet = { info() {}, debug() {}, warn() {}, error() {}, child: () => quiet };

/** A module of a package that the package does not export. */
function inside(name, file) {
  return require(path.join(path.dirname(require.resolve(`${name}/package.json`)), file));
}

/**
 * The auth service of a Backstage plugin.
 *
 * @param plugin  the plugin's id
 * @param base    where all plugins are, its own included: their keys are read there
 */
export async function authService(plugin, base) {
  const { authServiceFactory } = require('@backstage/backend-defaults/auth');
  const { ConfigReader } = inside('@backstage/config', 'dist/index.cjs.js');
  const keys = fs.mkdtempSync(path.join(os.tmpdir(), 'stagedoor-keys-'));
  const pair = crypto.generateKeyPairSync('ec', { namedCurve: 'P-256' });
  const publicKeyFile = path.join(keys, 'public.pem'), privateKeyFile = path.join(keys, 'private.pem');
  fs.writeFileSync(publicKeyFile, pair.publicKey.export({ type: 'spki', format: 'pem' }));
  fs.writeFileSync(privateKeyFile, pair.privateKey.export({ type: 'pkcs8', format: 'pem' }));
  const config = new ConfigReader({ backend: { auth: { pluginKeyStore: {
    type: 'static', static: { keys: [{ publicKeyFile, privateKeyFile, keyId: crypto.randomUUID() }] },
  } } } });
  try {
    return await authServiceFactory.factory({
      config, logger: quiet, database: undefined, externalTokenHandlers: [],
      plugin: { getId: () => plugin },
      discovery: { getBaseUrl: async id => `${base}/api/${id}`, getExternalBaseUrl: async id => `${base}/api/${id}` },
      pluginTokenHandlerDecorator: handler => handler,
    });
  } finally {
    fs.rmSync(keys, { recursive: true });
  }
}

/** The issuer of user tokens of a Backstage, with listPublicKeys and issueToken. */
export function userTokens(base) {
  const { TokenFactory } = inside('@backstage/plugin-auth-backend', 'dist/identity/TokenFactory.cjs.js');
  const { MemoryKeyStore } = inside('@backstage/plugin-auth-backend', 'dist/identity/MemoryKeyStore.cjs.js');
  return new TokenFactory({
    issuer: `${base}/api/auth`, keyStore: new MemoryKeyStore(), keyDurationSeconds: 3600, logger: quiet, omitClaimsFromToken: ['ent'],
  });
}

async function verify(base, plugin) {
  const auth = await authService(plugin, base);
  for await (const token of readline.createInterface({ input: process.stdin })) {
    const answer = await auth.authenticate(token).then(({ principal }) => ({ principal }), error => ({ refused: error.message }));
    console.log(JSON.stringify(answer));
  }
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  const [command, base, plugin] = process.argv.slice(2);
  if (command !== 'verify' || !plugin) {
    console.error('usage: node backstage-auth.mjs verify <base URL> <plugin> < tokens');
    process.exit(2);
  }
  await verify(base, plugin);
}
