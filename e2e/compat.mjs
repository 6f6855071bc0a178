// `make compat`: starts the binary with an empty state over the configuration
// that a real Backstage was recorded with, replays the recorded calls, and
// holds what differs against docs/compatibility.md: a difference that the page
// does not explain fails, and so does an explanation of no difference.
import { spawnSync } from 'node:child_process';
import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { root, shared, start } from './server.mjs';

const groups = process.env.COMPAT_GROUPS ?? 'root,health,auth,catalog,locations,lifecycle,app';
const oracle = shared('oracle', 'backstage');
if (!oracle) {
  console.log('SKIP: there are no recorded answers (../shared/oracle/backstage); compatibility is NOT checked');
  process.exit(0);
}

const frontend = shared('oracle', 'backstage-frontend');
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
  env: { PEER_PORT: String(await portOf()), PEER_DIR: oracle, FIXTURE_URL: 'http://localhost:7799' },
  port: await portOf(),
});

const report = path.join(fs.mkdtempSync(path.join(os.tmpdir(), 'stagedoor-compat-')), 'report.json');
const replay = spawnSync(process.execPath, [
  path.join(oracle, 'record.mjs'), 'diff', '--base', server.base, '--group', groups,
  '--still', '2', '--settle', '60', '--max', process.env.COMPAT_MAX ?? '6', '--json', report,
], { encoding: 'utf8', env: { ...process.env, PEER_DIR: oracle }, maxBuffer: 64 << 20 });
await server.stop();

const differences = fs.existsSync(report) ? JSON.parse(fs.readFileSync(report, 'utf8')) : undefined;
if (!differences) {
  console.error(replay.stdout, replay.stderr, server.log);
  throw new Error('the replay did not finish');
}
const page = fs.readFileSync(path.join(root, 'docs', 'compatibility.md'), 'utf8');
const explained = new Set([...page.matchAll(/^\|\s*`([a-z-]+\/[^`]+)`\s*\|/gm)].map(m => m[1]));
const differing = new Set(differences.map(d => d.id));
const unexplained = differences.filter(d => !explained.has(d.id));
const inGroups = id => groups.split(',').includes(id.split('/')[0]);
const stale = [...explained].filter(id => inGroups(id) && !differing.has(id));

console.log(replay.stdout.trim().split('\n').at(-1));
console.log(`${differing.size - unexplained.length} differences are explained in docs/compatibility.md`);
for (const d of unexplained) console.log(`\nUNEXPLAINED ${d.id}  ${d.request}\n${d.diffs.slice(0, 8).map(x => '    ' + x).join('\n')}`);
for (const id of stale) console.log(`STALE ${id} is explained but does not differ`);
if (replay.stderr.trim()) console.error(replay.stderr.trim());
process.exitCode = unexplained.length || stale.length ? 1 : 0;

/** The same port for the portal and for the overlay that names it. */
function portOf() {
  portOf.port ??= import('./server.mjs').then(m => m.freePort());
  return portOf.port;
}
