// Starts the real binary for a test, over a state and a port of its own, and
// stops it again.
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import fs from 'node:fs';
import http from 'node:http';
import net from 'node:net';
import os from 'node:os';
import path from 'node:path';
import { fileURLToPath } from 'node:url';

export const root = path.resolve(path.dirname(fileURLToPath(import.meta.url)), '..');
const binary = process.env.STAGEDOOR_BINARY ?? path.join(root, 'bin', 'stagedoor');

/** The folder with recorded answers and real data, or undefined where it is absent. */
export function shared(...parts) {
  const dir = process.env.STAGEDOOR_SHARED ?? path.join(root, '..', 'shared');
  const file = path.join(dir, ...parts);
  return fs.existsSync(file) ? file : undefined;
}

/** A port that was free a moment ago. */
export async function freePort() {
  const probe = net.createServer();
  probe.listen(0, '127.0.0.1');
  await once(probe, 'listening');
  const { port } = probe.address();
  probe.close();
  await once(probe, 'close');
  return port;
}

/**
 * Starts the portal and waits until it is ready.
 *
 * @param options.config  objects or file paths, the layers of the configuration
 * @param options.args    further arguments of `serve`
 * @param options.env     further variables
 * @param options.dir     the working directory, by default an empty one
 * @returns base URL, port, folder, log so far, and stop()
 */
export async function start({ config = [], args = [], env = {}, dir, port } = {}) {
  const state = fs.mkdtempSync(path.join(os.tmpdir(), 'stagedoor-e2e-'));
  port ??= await freePort();
  const base = `http://localhost:${port}`;
  const own = {
    app: { title: 'Stagedoor', baseUrl: base },
    backend: {
      baseUrl: base,
      listen: { host: '127.0.0.1', port },
      database: { client: 'better-sqlite3', connection: { directory: path.join(state, 'db') } },
    },
    auth: { environment: 'development', providers: { guest: { userEntityRef: 'user:default/guest' } } },
  };
  const layers = [own, ...config].flatMap((layer, n) => {
    if (typeof layer === 'string') return ['--config', layer];
    const file = path.join(state, `app-config.${n}.yaml`);
    fs.writeFileSync(file, JSON.stringify(layer)); // JSON is YAML
    return ['--config', file];
  });
  const child = spawn(binary, ['serve', ...layers, ...args], {
    cwd: dir ?? state,
    env: { PATH: process.env.PATH, HOME: state, TMPDIR: state, ...env },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  const server = { base, port, dir: state, log: '', pid: child.pid, child };
  for (const stream of [child.stdout, child.stderr]) stream.on('data', chunk => { server.log += chunk; });
  const ended = new Promise(resolve => child.once('exit', (code, signal) => resolve({ code, signal })));
  server.stop = async (signal = 'SIGTERM') => {
    if (child.exitCode === null && child.signalCode === null) child.kill(signal);
    const result = await ended;
    fs.rmSync(state, { recursive: true, force: true });
    return result;
  };
  await ready(server, ended);
  return server;
}

async function ready(server, ended) {
  let gone = false;
  void ended.then(() => { gone = true; });
  const deadline = Date.now() + 30_000;
  for (;;) {
    if (gone) throw new Error(`the portal ended while it started:\n${server.log}`);
    try {
      const res = await fetch(`${server.base}/.backstage/health/v1/readiness`);
      if (res.ok) return;
    } catch { /* not listening yet */ }
    if (Date.now() > deadline) {
      await server.stop('SIGKILL');
      throw new Error(`the portal was not ready within 30 s:\n${server.log}`);
    }
    await new Promise(resolve => setTimeout(resolve, 20));
  }
}

/** A guest's token. */
export async function guestToken(base) {
  const res = await fetch(`${base}/api/auth/guest/refresh`, { headers: { 'x-requested-with': 'XMLHttpRequest' } });
  if (!res.ok) throw new Error(`guest sign-in answered ${res.status}`);
  return (await res.json()).backstageIdentity.token;
}

/** Polls until the function returns something truthy, which is returned. */
export async function until(what, fn, ms = 20_000) {
  const deadline = Date.now() + ms;
  for (;;) {
    const got = await fn();
    if (got) return got;
    if (Date.now() > deadline) throw new Error(`waited in vain for ${what}`);
    await new Promise(resolve => setTimeout(resolve, 50));
  }
}

/** A web server with one entity file on it, component:default/registered-here, for somebody to register. */
export async function serveEntity() {
  const text = 'apiVersion: backstage.io/v1alpha1\nkind: Component\nmetadata:\n  name: registered-here\nspec:\n  type: service\n  lifecycle: production\n  owner: group:default/platform\n';
  const web = http.createServer((_, res) => res.writeHead(200, { 'content-type': 'text/yaml' }).end(text));
  web.listen(0, '127.0.0.1');
  await once(web, 'listening');
  return { url: `http://localhost:${web.address().port}`, close: () => web.close() };
}
