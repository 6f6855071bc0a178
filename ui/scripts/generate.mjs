// Turns our OpenAPI documents into TypeScript under src/api/generated. A document
// that is missing is an error: a stale client is worse than no client. With --check
// nothing is written; it fails when the committed files are not what would be.
import { execFileSync } from 'node:child_process';
import { existsSync, mkdirSync } from 'node:fs';

const documents = {
  audit: '../audit/internal/rest/openapi.yaml',
  catalog: '../catalog/internal/rest/openapi.yaml',
  permission: '../permission/internal/rest/openapi.yaml',
};
const check = process.argv.includes('--check') ? ['--check'] : [];

mkdirSync('src/api/generated', { recursive: true });
for (const [name, source] of Object.entries(documents)) {
  if (!existsSync(source)) {
    console.error(`generate: ${source} does not exist`);
    process.exitCode = 1;
    continue;
  }
  const target = `src/api/generated/${name}.ts`;
  const options = ['--output', target, '--empty-objects-unknown', ...check];
  try {
    execFileSync('npx', ['openapi-typescript', source, ...options], { stdio: 'inherit' });
  } catch {
    process.exitCode = 1;
  }
}
