// `make compat`: starts the binary with an empty state over the configuration
// that a real Backstage was recorded with, replays the recorded calls, and
// holds what differs against docs/compatibility.md: a difference that the page
// does not explain fails.
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { freePort, root, shared, start, until } from './server.mjs';

const groups = process.env.COMPAT_GROUPS ?? 'root,health,auth,catalog,locations,lifecycle,app,permission,user-settings,notifications';
const oracle = shared('oracle', 'backstage');
if (!oracle) {
  console.log('SKIP: there are no recorded answers (../shared/oracle/backstage); compatibility is NOT checked');
  process.exit(0);
}

const frontend = shared('oracle', 'backstage-frontend');
const port = await freePort();
const report = path.join(fs.mkdtempSync(path.join(os.tmpdir(), 'stagedoor-compat-')), 'report.json');

// The replay begins by serving the remote fixtures and waits for the portal,
// which must find them when it starts.
const replay = spawn(process.execPath, [
  path.join(oracle, 'record.mjs'), 'diff', '--base', `http://localhost:${port}`, '--group', groups,
  '--still', '2', '--settle', '60', '--max', process.env.COMPAT_MAX ?? '6', '--json', report,
], { env: { ...process.env, PEER_DIR: oracle }, stdio: ['ignore', 'pipe', 'pipe'] });
let said = '', complained = '';
replay.stdout.on('data', chunk => { said += chunk; });
replay.stderr.on('data', chunk => { complained += chunk; });
const finished = once(replay, 'exit');
await until('the fixtures', async () => replay.exitCode !== null || await fetch('http://localhost:7799/remote/catalog-info.yaml').then(r => r.ok, () => false));

const server = await start({
  config: [
    // What the template of create-app has and the overlays take for granted.
    {
      stagedoor: { compatibility: 'strict' },
      organization: { name: 'My Company' },
      backend: { csp: { 'connect-src': ["'self'", 'http:', 'https:'] } },
      catalog: { import: { entityFilename: 'catalog-info.yaml', pullRequestBranchName: 'backstage-integration' } },
    },
    path.join(oracle, 'app-config.peer.yaml'),
    path.join(oracle, 'app-config.golden.yaml'),
    { backend: { database: { client: 'better-sqlite3', connection: ':memory:' } } },
  ],
  args: frontend ? ['--frontend-dir', frontend] : [],
  env: { PEER_PORT: String(port), PEER_DIR: oracle, FIXTURE_URL: 'http://localhost:7799' },
  port,
});
await finished;
await server.stop();

const differences = fs.existsSync(report) ? JSON.parse(fs.readFileSync(report, 'utf8')) : undefined;
if (!differences) {
  console.error(said, complained, server.log);
  throw new Error('the replay did not finish');
}
const page = fs.readFileSync(path.join(root, 'docs', 'compatibility.md'), 'utf8');
const explained = new Set([...page.matchAll(/^\|\s*`([a-z-]+\/[^`]+)`\s*\|/gm)].map(m => m[1]));
const differing = new Set(differences.map(d => d.id));
const unexplained = differences.filter(d => !explained.has(d.id));
const inGroups = id => groups.split(',').includes(id.split('/')[0]);
const stale = [...explained].filter(id => inGroups(id) && !differing.has(id));

console.log(said.trim().split('\n').at(-1));
console.log(`${differing.size - unexplained.length} differences are explained in docs/compatibility.md`);
for (const d of unexplained) console.log(`\nUNEXPLAINED ${d.id}  ${d.request}\n${d.diffs.slice(0, 8).map(x => '    ' + x).join('\n')}`);
for (const id of stale) console.log(`NOTE ${id} is explained but did not differ this time`);
if (process.env.COMPAT_VERBOSE) console.error(complained.trim());
process.exitCode = unexplained.length ? 1 : 0;

