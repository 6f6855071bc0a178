// `make bench`: measures what DESIGN promises with the real binary, and prints
// tables for docs/performance.md with the machine they were measured on.
//
//   node tools/bench.mjs                 everything
//   node tools/bench.mjs start ingest    some of: start, ingest, http, policy, page
//   BENCH_SIZES=1000,10000 node tools/bench.mjs ingest http
//
// The synthetic catalog comes from the generator beside the recorded answers
// (../shared/oracle/backstage/bench/gen.mjs); without it only the parts over
// the example catalog are measured. Figures are for reading, not for passing.
import { spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { pathToFileURL } from 'node:url';
import { freePort, guestToken, root, shared, start } from '../e2e/server.mjs';

const parts = process.argv.slice(2).length ? process.argv.slice(2) : ['start', 'ingest', 'http', 'policy', 'page'];
const sizes = (process.env.BENCH_SIZES ?? '10000,100000').split(',').map(Number);
const generator = shared('oracle', 'backstage', 'bench', 'gen.mjs');
const work = fs.mkdtempSync(path.join(os.tmpdir(), 'stagedoor-bench-'));
const binary = path.join(root, 'bin', 'stagedoor');
const everything = ['Component', 'System', 'API', 'Resource', 'Location', 'Domain', 'User', 'Group', 'Template'];

const median = list => list.toSorted((a, b) => a - b)[Math.floor(list.length / 2)];
const table = (head, rows) => console.log(`\n| ${head.join(' | ')} |\n|${head.map(() => ' --- |').join('')}\n${rows.map(r => `| ${r.join(' | ')} |`).join('\n')}`);
const seconds = ms => (ms / 1000).toFixed(2);
const pause = ms => new Promise(resolve => setTimeout(resolve, ms));

/** Resident memory of a process now and at its peak, in MiB. */
function memory(pid) {
  const status = fs.readFileSync(`/proc/${pid}/status`, 'utf8');
  const read = key => Math.round(Number(new RegExp(`${key}:\\s+(\\d+)`).exec(status)[1]) / 1024);
  return { rss: read('VmRSS'), peak: read('VmHWM') };
}

/** Starts the binary over a database folder and times it to readiness. */
async function launch(config, dir) {
  const port = await freePort();
  const file = path.join(dir, 'app-config.yaml');
  const base = `http://localhost:${port}`;
  fs.mkdirSync(dir, { recursive: true });
  fs.writeFileSync(file, JSON.stringify({
    app: { baseUrl: base },
    backend: { baseUrl: base, listen: { host: '127.0.0.1', port }, database: { client: 'better-sqlite3', connection: { directory: path.join(dir, 'db') } } },
    auth: { providers: { guest: { userEntityRef: 'user:default/guest' } } },
    ...config,
  }));
  const began = performance.now();
  const child = spawn(binary, ['serve', '--config', file], { cwd: root, stdio: ['ignore', 'ignore', 'pipe'] });
  let log = '';
  child.stderr.on('data', chunk => { log += chunk; });
  for (;;) {
    try {
      const res = await fetch(`${base}/.backstage/health/v1/readiness`);
      if (res.ok) break;
    } catch { /* not listening yet */ }
    if (child.exitCode !== null) throw new Error(`the portal ended:\n${log}`);
    await pause(2);
  }
  return {
    base, port, pid: child.pid, began, ready: performance.now() - began,
    async stop() { child.kill('SIGTERM'); if (child.exitCode === null) await once(child, 'exit'); },
  };
}

async function measureStart() {
  const catalog = { catalog: { rules: [{ allow: [...everything, 'AiResource'] }], locations: [{ type: 'file', target: path.join(root, 'examples/harbour/all.yaml') }] } };
  const fresh = [], kept = [], idle = [];
  const dir = path.join(work, 'start');
  for (let n = 0; n < 5; n++) {
    fs.rmSync(dir, { recursive: true, force: true });
    const first = await launch(catalog, dir);
    fresh.push(first.ready);
    await pause(1000);
    await first.stop();
    const again = await launch(catalog, dir);
    kept.push(again.ready);
    await pause(3000);
    idle.push(memory(again.pid).rss);
    await again.stop();
  }
  table(['example catalog', 'median', 'all runs'], [
    ['start to ready, new database', `${Math.round(median(fresh))} ms`, fresh.map(Math.round).join(' ')],
    ['start to ready, database in place', `${Math.round(median(kept))} ms`, kept.map(Math.round).join(' ')],
    ['idle memory', `${median(idle)} MiB`, idle.join(' ')],
  ]);
}

function generate(n) {
  const dir = path.join(work, `catalog-${n}`);
  if (!fs.existsSync(dir)) spawnSync(process.execPath, [generator, String(n), dir], { stdio: 'ignore' });
  return { dir, meta: JSON.parse(fs.readFileSync(path.join(dir, 'meta.json'), 'utf8')) };
}

const benchConfig = dir => ({ catalog: { processingInterval: false, rules: [{ allow: everything }], locations: [{ type: 'file', target: path.join(dir, 'all.yaml') }] } });

/** Polls until every entity and every relation, both ways, is there. */
async function complete(server, meta) {
  const headers = { authorization: `Bearer ${await guestToken(server.base)}` };
  const types = Object.keys(meta.relations);
  const wanted = meta.n + 2; // the two locations
  const listed = async () => (await (await fetch(`${server.base}/api/catalog/entities/by-query?limit=0`, { headers })).json()).totalItems;
  while (await listed() < wanted) await pause(20);
  const all = performance.now() - server.began;
  for (;;) {
    const { facets } = await (await fetch(`${server.base}/api/catalog/entity-facets?${types.map(t => `facet=relations.${t}`).join('&')}`, { headers })).json();
    const right = types.every(t => facets[`relations.${t}`].reduce((sum, f) => sum + f.count, 0) === meta.relations[t]);
    if (right) return { listed: all, related: performance.now() - server.began };
    if (performance.now() - server.began > 300_000) throw new Error('the relations never became right');
    await pause(50);
  }
}

async function measureIngest() {
  const rows = [];
  for (const n of sizes) {
    const { dir, meta } = generate(n);
    const state = path.join(work, `state-${n}`);
    fs.rmSync(state, { recursive: true, force: true });
    const first = await launch(benchConfig(dir), state);
    const done = await complete(first, meta);
    const after = memory(first.pid);
    await first.stop();
    const again = await launch(benchConfig(dir), state);
    await pause(10_000);
    const idle = memory(again.pid);
    await again.stop();
    rows.push([n, seconds(done.listed), seconds(done.related), Math.round(n / (done.related / 1000)), `${after.rss} / ${after.peak}`, seconds(again.ready), idle.rss]);
  }
  table(['entities', 'all listed s', 'all relations right s', 'entities/s', 'memory after / peak MiB', 'restart to ready s', 'idle MiB'], rows);
}

/** One run of wrk: requests per second and latencies. */
async function load(server, token, target, body) {
  const script = path.join(work, 'wrk.lua');
  fs.writeFileSync(script, [
    `wrk.headers["Authorization"] = "Bearer ${token}"`,
    ...(body ? ['wrk.method = "POST"', 'wrk.headers["Content-Type"] = "application/json"', `wrk.body = [[${JSON.stringify(body)}]]`] : []),
    'done = function(s, l, r) io.write(string.format("RESULT %f %f %f %f %d %d\\n", s.requests / (s.duration / 1e6), l:percentile(50) / 1000, l:percentile(90) / 1000, l:percentile(99) / 1000, s.bytes / math.max(s.requests, 1), s.errors.status + s.errors.timeout)) end',
  ].join('\n'));
  const run = async duration => {
    const child = spawn('wrk', ['-t1', '-c16', `-d${duration}s`, '-s', script, server.base + target], { stdio: ['ignore', 'pipe', 'inherit'] });
    let out = '';
    child.stdout.on('data', chunk => { out += chunk; });
    await once(child, 'exit');
    return out;
  };
  await run(2);
  const [rate, p50, p90, p99, bytes, bad] = /RESULT (.*)/.exec(await run(Number(process.env.BENCH_SECONDS ?? 8)))[1].split(' ').map(Number);
  return [Math.round(rate), p50.toFixed(2), p90.toFixed(2), p99.toFixed(2), Math.round(bytes), bad];
}

async function measureHTTP() {
  for (const n of sizes) {
    const { dir, meta } = generate(n);
    const server = await launch(benchConfig(dir), path.join(work, `state-${n}`));
    await complete(server, meta);
    const token = await guestToken(server.base);
    const c = '/api/catalog';
    const refs = meta.sample.component.slice(0, 20).map(name => `component:default/${name}`);
    const calls = [
      ['by-query kind=component, by name, limit 20', `${c}/entities/by-query?filter=kind=component&orderField=metadata.name,asc&limit=20`],
      ['the same with full text', `${c}/entities/by-query?filter=kind=component&orderField=metadata.name,asc&limit=20&fullTextFilterTerm=payment`],
      ['the same with the fields of a list', `${c}/entities/by-query?filter=kind=component&orderField=metadata.name,asc&limit=20&fields=kind,metadata.name,metadata.namespace,metadata.title,spec.type,spec.owner,relations`],
      ['by-name', `${c}/entities/by-name/component/default/${meta.sample.component[0]}`],
      ['by-refs, 20 refs', `${c}/entities/by-refs`, { entityRefs: refs }],
      ['facets: kind', `${c}/entity-facets?facet=kind`],
      ['facets: type and tags of components', `${c}/entity-facets?facet=spec.type&facet=metadata.tags&filter=kind=component`],
      ['all components, streamed', `${c}/entities?filter=kind=component`],
      ['permission, batch of 10', '/api/permission/authorize', { items: Array.from({ length: 10 }, (_, i) => ({ id: String(i), resourceRef: refs[i], permission: { type: 'resource', name: 'catalog.entity.read', attributes: { action: 'read' }, resourceType: 'catalog-entity' } })) }],
      ['index.html', '/'],
      ['readiness', '/.backstage/health/v1/readiness'],
    ];
    const rows = [];
    for (const [name, target, body] of calls) rows.push([name, ...await load(server, token, target, body)]);
    table([`${n} entities, 16 connections`, 'requests/s', 'p50 ms', 'p90 ms', 'p99 ms', 'bytes', 'failed'], rows);
    const edit = await measureEdit(server, dir, token);
    table([`${n} entities`, 'median ms', 'all runs'], [['change of one file until visible', Math.round(median(edit)), edit.map(Math.round).join(' ')]]);
    await server.stop();
  }
}

/** What somebody sees who does not see everything: most kinds, templates by their tags, and what their team owns. */
const policy = {
  statements: [
    { match: { group: 'group:default/nobody-is-in-here' }, allow: true },
    {
      match: { permission: 'catalog.entity.read' },
      when: {
        anyOf: [
          { rule: 'IS_ENTITY_KIND', params: { kinds: ['Domain', 'Component', 'System', 'API', 'Group', 'User', 'Location'] } },
          { allOf: [{ rule: 'IS_ENTITY_KIND', params: { kinds: ['Template'] } }, { rule: 'IS_GROUP_IN_TAG' }] },
          { rule: 'IS_ENTITY_OWNER', params: { claims: '$ownerRefs' } },
        ],
      },
    },
    { match: { action: ['create', 'update', 'delete'] }, allow: false },
  ],
};

/** The same calls without and with a conditional policy. */
async function measurePolicy() {
  const n = Math.max(...sizes);
  const { dir, meta } = generate(n);
  const c = '/api/catalog';
  const refs = meta.sample.component.slice(0, 100).map(name => `component:default/${name}`);
  const batch = { items: Array.from({ length: 100 }, (_, i) => ({ id: String(i), resourceRef: refs[i % refs.length], permission: { type: 'resource', name: 'catalog.entity.read', attributes: { action: 'read' }, resourceType: 'catalog-entity' } })) };
  const calls = [
    ['by-query kind=component, by name, limit 20', `${c}/entities/by-query?filter=kind=component&orderField=metadata.name,asc&limit=20`],
    ['by-query of everything, by name, limit 20', `${c}/entities/by-query?orderField=metadata.name,asc&limit=20`],
    ['facets: kind', `${c}/entity-facets?facet=kind`],
    ['authorize, batch of 100', '/api/permission/authorize', batch],
  ];
  const rows = calls.map(([name]) => [name]);
  for (const permission of [{ enabled: false }, { enabled: true, policy }]) {
    const server = await launch({ ...benchConfig(dir), permission }, path.join(work, 'policy'));
    if (!permission.enabled) await complete(server, meta); // the second start finds everything in the database
    const token = await guestToken(server.base);
    for (const [i, [, target, body]] of calls.entries()) {
      const [rate, p50, , p99] = await load(server, token, target, body);
      rows[i].push(rate, p50, p99);
    }
    await server.stop();
  }
  for (const row of rows) row.push((row[1] / row[4]).toFixed(2));
  table([`${n} entities, 16 connections`, 'no policy: requests/s', 'p50 ms', 'p99 ms', 'policy: requests/s', 'p50 ms', 'p99 ms', 'times slower'], rows);
}

/** Changes one entity in a file, and times until the API shows it. */
async function measureEdit(server, dir, token) {
  const file = path.join(dir, 'part-0000.yaml');
  const original = fs.readFileSync(file, 'utf8');
  const name = /name: (\S+)/.exec(original)[1];
  const kind = /kind: (\S+)/.exec(original)[1].toLowerCase();
  const times = [];
  for (let n = 0; n < 5; n++) {
    const mark = `edited ${n} ${Date.now()}`;
    const began = performance.now();
    fs.writeFileSync(file, original.replace(/description: .*/, `description: "${mark}"`));
    for (;;) {
      const text = await (await fetch(`${server.base}/api/catalog/entities/by-name/${kind}/default/${name}`, { headers: { authorization: `Bearer ${token}` } })).text();
      if (text.includes(mark)) break;
      if (performance.now() - began > 30_000) throw new Error('the change never showed');
      await pause(5);
    }
    times.push(performance.now() - began);
    await pause(300);
  }
  fs.writeFileSync(file, original);
  return times;
}

/** Weight and paint of pages on a slow profile: 4x CPU, 6.4 Mbit/s, 60 ms. */
async function measurePage() {
  const { chromium } = await import(pathToFileURL(path.join(root, 'e2e/node_modules/playwright-core/index.mjs')));
  const { launchOptions } = await import('../e2e/browser.mjs');
  const server = await start({ config: [{ catalog: { rules: [{ allow: [...everything, 'AiResource'] }], locations: [{ type: 'file', target: path.join(root, 'examples/harbour/all.yaml') }] } }], dir: root });
  const rows = [];
  for (const [name, target, marker] of [['catalog', '/catalog', 'Booking'], ['entity', '/catalog/default/component/booking-service', 'Booking service']]) {
    for (const slow of [false, true]) {
      const runs = [];
      for (let n = 0; n < 5; n++) runs.push(await paint(chromium, launchOptions, server.base, target, marker, slow));
      const of = key => Math.round(median(runs.map(r => r[key])));
      rows.push([name, slow ? 'slow' : 'fast', of('requests'), of('kib'), of('scriptKib'), of('fcp'), of('content')]);
    }
  }
  await server.stop();
  table(['page, cold cache', 'profile', 'requests', 'KiB transferred', 'KiB script', 'first paint ms', 'data visible ms'], rows);
}

/**
 * Loads a page in a fresh browser. What is looked for costs the page time of its
 * own, so the first paint is taken from a load in which nothing is looked for.
 */
async function paint(chromium, launchOptions, base, target, marker, slow) {
  const quiet = await visit(chromium, launchOptions, base, target, undefined, slow);
  const { content } = await visit(chromium, launchOptions, base, target, marker, slow);
  return { ...quiet, content };
}

async function visit(chromium, launchOptions, base, target, marker, slow) {
  const browser = await chromium.launch(launchOptions());
  const context = await browser.newContext({ viewport: { width: 1440, height: 900 } });
  await context.addCookies([{ name: 'stagedoor-provider', value: 'guest', url: base }]);
  const page = await context.newPage();
  const cdp = await context.newCDPSession(page);
  await cdp.send('Network.enable');
  if (slow) {
    await cdp.send('Emulation.setCPUThrottlingRate', { rate: 4 });
    await cdp.send('Network.emulateNetworkConditions', { offline: false, latency: 60, downloadThroughput: 6.4e6 / 8, uploadThroughput: 6.4e6 / 8 });
  }
  const seen = new Map();
  let total = 0, script = 0, content = 0;
  cdp.on('Network.responseReceived', e => seen.set(e.requestId, e.type));
  cdp.on('Network.loadingFinished', e => { total += e.encodedDataLength; if (seen.get(e.requestId) === 'Script') script += e.encodedDataLength; });
  const began = performance.now();
  await page.goto(base + target, { waitUntil: 'commit' });
  if (marker) {
    await page.getByText(marker).first().waitFor();
    content = performance.now() - began;
  } else {
    await page.waitForTimeout(slow ? 5000 : 2000); // the stream of changes never ends
  }
  const fcp = await page.evaluate(() => performance.getEntriesByName('first-contentful-paint')[0]?.startTime ?? 0);
  await browser.close();
  return { requests: seen.size, kib: total / 1024, scriptKib: script / 1024, fcp, content };
}

const cpu = os.cpus()[0]?.model ?? 'unknown';
console.log(`Machine: ${os.cpus().length} cores (${cpu}), ${Math.round(os.totalmem() / 2 ** 30)} GiB, ${os.type()} ${os.release()}; the load generator shares the cores.`);
console.log(`Binary: ${(fs.statSync(binary).size / 1e6).toFixed(1)} MB.`);
try {
  if (parts.includes('start')) await measureStart();
  if (generator && parts.includes('ingest')) await measureIngest();
  if (generator && parts.includes('http')) await measureHTTP();
  if (generator && parts.includes('policy')) await measurePolicy();
  if (parts.includes('page')) await measurePage();
  if (!generator) console.log('\nSKIP: no generator for a large catalog (../shared/oracle/backstage/bench/gen.mjs)');
} finally {
  fs.rmSync(work, { recursive: true, force: true });
}
