import { describe, expect, it } from 'vitest';
import { readOpenApi, searchOperations } from './model';

const modern = {
  openapi: '3.1.0',
  info: { title: 'Slots', version: '1' },
  tags: [{ name: 'slots', description: 'Space.' }],
  security: [{ token: [] }],
  paths: {
    '/slots/{id}': {
      parameters: [{ name: 'id', in: 'path', required: true, schema: { type: 'string' } }],
      get: {
        tags: ['slots'],
        operationId: 'getSlot',
        responses: { 200: { $ref: '#/components/responses/slot' } },
      },
      delete: { security: [], responses: {} },
    },
  },
  components: {
    responses: {
      slot: {
        description: 'One.',
        content: { 'application/json': { schema: { type: 'object' } } },
      },
    },
    securitySchemes: { token: { type: 'http', scheme: 'bearer' } },
  },
};

const old = {
  swagger: '2.0',
  host: 'api.example',
  basePath: '/v1',
  consumes: ['application/json'],
  paths: {
    '/things': {
      post: {
        parameters: [
          { name: 'thing', in: 'body', required: true, schema: { $ref: '#/definitions/Thing' } },
        ],
        responses: { 201: { description: 'Made.', schema: { $ref: '#/definitions/Thing' } } },
      },
    },
  },
  definitions: { Thing: { type: 'object' } },
};

describe('readOpenApi', () => {
  it('reads version 3 with shared parameters, references and security', () => {
    const { groups, schemes } = readOpenApi(modern);
    expect(groups.map(({ name }) => name)).toEqual(['slots', 'Operations']);
    const [get] = groups[0]?.operations ?? [];
    expect(get).toMatchObject({ id: 'getSlot', method: 'GET', security: ['token'] });
    expect(get?.parameters[0]?.name).toBe('id');
    expect(get?.answers[0]?.contents[0]?.mediaType).toBe('application/json');
    expect(groups[1]?.operations[0]).toMatchObject({ id: 'delete-slots-id', security: [] });
    expect(schemes).toEqual([{ name: 'token', text: 'HTTP bearer' }]);
  });

  it('reads version 2', () => {
    const { groups, servers, format } = readOpenApi(old);
    expect(servers[0]?.url).toBe('https://api.example/v1');
    expect(format).toBe('Swagger 2.0');
    const [post] = groups[0]?.operations ?? [];
    expect(post?.parameters).toEqual([]);
    expect(post?.body?.contents[0]?.schema).toEqual({ $ref: '#/definitions/Thing' });
    expect(post?.answers[0]?.contents).toHaveLength(1);
  });

  it('bears nonsense', () => {
    expect(
      readOpenApi({ openapi: 3, paths: { '/a': null, '/b': { get: { responses: [] } } } }).groups,
    ).toHaveLength(1);
  });

  it('finds operations by all words', () => {
    const { groups } = readOpenApi(modern);
    expect(searchOperations(groups, 'get slots')).toHaveLength(1);
    expect(searchOperations(groups, 'patch')).toHaveLength(0);
  });
});
