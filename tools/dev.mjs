// `make dev`: the front-end by Vite with hot reload on http://localhost:5173,
// the back end on http://localhost:7007, built again whenever a Go file
// changes. Ctrl-C ends both.
import { spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import fs from 'node:fs';
import path from 'node:path';
import { fileURLToPath } from 'node:url';

const root = path.resolve(path.dirname(fileURLToPath(import.meta.url)), '..');
const binary = path.join(root, 'bin', 'stagedoor-dev');
const backend = 'http://localhost:7007';
const ignored = /(^|\/)(node_modules|\.git|bin|dist|data|docs|ui\/src|e2e)(\/|$)/;

let server;
let ending = false;

const vite = spawn('npm', ['run', 'dev', '--', '--strictPort'], { cwd: path.join(root, 'ui'), stdio: 'inherit', env: { ...process.env, STAGEDOOR_URL: backend } });

/** Builds, and puts the new server in the place of the old one; a broken build leaves that running. */
async function rebuild() {
  const began = Date.now();
  const built = spawnSync('go', ['build', '-o', `${binary}.next`, './cmd/stagedoor'], { cwd: root, stdio: 'inherit', env: { ...process.env, CGO_ENABLED: '0' } });
  if (built.status !== 0) return;
  await stop();
  fs.renameSync(`${binary}.next`, binary);
  server = spawn(binary, ['serve'], { cwd: root, stdio: 'inherit' });
  console.log(`back end built and started in ${((Date.now() - began) / 1000).toFixed(1)} s`);
}

async function stop() {
  if (!server || server.exitCode !== null) return;
  server.kill('SIGTERM');
  await once(server, 'exit');
}

let timer;
let building = Promise.resolve();
fs.watch(root, { recursive: true }, (_, name) => {
  if (!name || ignored.test(name) || !/\.(go|sql|ya?ml|json)$/.test(name) || name.endsWith('_test.go')) return;
  if (/^(app-config|catalog-info|examples)/.test(name)) return; // the running server watches these itself
  clearTimeout(timer);
  timer = setTimeout(() => { building = building.then(rebuild); }, 150);
});

for (const signal of ['SIGINT', 'SIGTERM']) {
  process.on(signal, async () => {
    if (ending) return;
    ending = true;
    vite.kill('SIGTERM');
    await building;
    await stop();
    process.exit(0);
  });
}
vite.once('exit', code => { if (!ending) process.exit(code ?? 1); });
fs.mkdirSync(path.dirname(binary), { recursive: true });
await (building = building.then(rebuild));
