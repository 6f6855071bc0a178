import { describe, expect, it } from 'vitest';
import { readDocument } from './document';
import { rowsOf, sampleOf, typeLabel } from './schema';

const root = {
  components: {
    schemas: {
      Node: {
        type: 'object',
        required: ['id'],
        properties: {
          id: { type: 'string', format: 'uuid' },
          next: { $ref: '#/components/schemas/Node' },
          tags: { type: 'array', items: { type: 'string' } },
        },
      },
      Loop: { $ref: '#/components/schemas/Loop' },
      Child: {
        allOf: [
          { $ref: '#/components/schemas/Node' },
          { properties: { age: { type: 'integer' } } },
        ],
      },
      Selfish: { allOf: [{ $ref: '#/components/schemas/Selfish' }] },
    },
  },
};
const ref = (name: string) => ({ $ref: `#/components/schemas/${name}` });

describe('schemas', () => {
  it('labels types', () => {
    expect(typeLabel(root, { type: 'array', items: ref('Node') })).toBe('array of Node');
    expect(typeLabel(root, { oneOf: [ref('Node'), { type: 'string' }] })).toBe('Node or string');
    expect(typeLabel(root, { type: ['string', 'null'] })).toBe('string or null');
  });

  it('joins allOf and marks what is required', () => {
    expect(rowsOf(root, ref('Child')).map(({ name, required }) => [name, required])).toEqual([
      ['id', true],
      ['next', false],
      ['tags', false],
      ['age', false],
    ]);
  });

  it('ends on cycles', () => {
    expect(rowsOf(root, ref('Selfish'))).toEqual([]);
    expect(rowsOf(root, ref('Loop'))).toEqual([]);
    const sample = sampleOf(root, ref('Node')) as Record<string, unknown>;
    expect(sample.next).toEqual({});
    expect(sample.tags).toEqual(['text']);
  });
});

describe('documents', () => {
  it('reads YAML and JSON and names the line of an error', () => {
    expect(readDocument('{"a": 1}')).toEqual({ document: { a: 1 } });
    expect(readDocument('a: 1\nb: [1,\nc: 2\n')).toMatchObject({ line: 3 });
    expect(readDocument('just text')).toMatchObject({ line: 1 });
  });
});
