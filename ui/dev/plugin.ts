import type { IncomingMessage, ServerResponse } from 'node:http';
import type { Connect, Plugin } from 'vite';
import { answer, MockError } from './mock.ts';

async function read(request: IncomingMessage): Promise<unknown> {
  const parts: Buffer[] = [];
  for await (const part of request) parts.push(part as Buffer);
  const text = Buffer.concat(parts).toString();
  return text ? JSON.parse(text) : undefined;
}

function send(response: ServerResponse, status: number, body: unknown) {
  response.statusCode = status;
  response.setHeader('Content-Type', 'application/json; charset=utf-8');
  response.end(JSON.stringify(body));
}

const handle: Connect.NextHandleFunction = (request, response, next) => {
  const url = new URL(request.url ?? '/', 'http://localhost');
  if (!url.pathname.startsWith('/api/')) return next();
  const method = request.method ?? 'GET';
  read(request)
    .then(body => {
      const result = answer(method, url.pathname, url.searchParams, body);
      if (result === undefined) {
        response.statusCode = 404;
        response.end();
      } else send(response, 200, result);
    })
    .catch((cause: unknown) => {
      const known = cause instanceof MockError;
      send(response, known ? cause.status : 500, {
        error: { name: known ? cause.name : 'Error', message: String((cause as Error).message) },
      });
    });
};

/** Serves the in-memory catalog under /api, for `npm run dev` and `npm run preview`. */
export function mockServer(): Plugin {
  return {
    name: 'stagedoor-mock',
    configureServer: server => void server.middlewares.use(handle),
    configurePreviewServer: server => void server.middlewares.use(handle),
  };
}
