// Turns our OpenAPI documents into TypeScript under src/api/generated. A document
// that is missing is an error: a stale client is worse than no client.
import { execFileSync } from 'node:child_process';
import { existsSync, mkdirSync } from 'node:fs';

const documents = { catalog: '../catalog/internal/rest/openapi.yaml' };

mkdirSync('src/api/generated', { recursive: true });
for (const [name, source] of Object.entries(documents)) {
  if (!existsSync(source)) {
    console.error(`generate: ${source} does not exist`);
    process.exitCode = 1;
    continue;
  }
  const target = `src/api/generated/${name}.ts`;
  execFileSync('npx', ['openapi-typescript', source, '--output', target], { stdio: 'inherit' });
}
