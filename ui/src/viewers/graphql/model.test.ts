import { describe, expect, it } from 'vitest';
import { readGraphql } from './model';

describe('readGraphql', () => {
  it('reads types, arguments and extensions, operations first', () => {
    const read = readGraphql(`
      "A ship." type Vessel implements Tracked { id: ID! at(limit: Int = 5): [Position!]! }
      enum State { EMPTY LOADED }
      union Any = Vessel | Position
      type Query { vessel(id: ID!): Vessel }
      extend type Vessel { name: String @deprecated }
    `);
    if ('error' in read) throw new Error(read.error);
    expect(read.types.map(({ name }) => name)).toEqual(['Query', 'Vessel', 'State', 'Any']);
    const vessel = read.types[1];
    expect(vessel).toMatchObject({ description: 'A ship.', implements: ['Tracked'] });
    expect(vessel?.fields.map(({ name, type }) => `${name}: ${type}`)).toEqual([
      'id: ID!',
      'at: [Position!]!',
      'name: String',
    ]);
    expect(vessel?.fields[1]?.args[0]).toMatchObject({ name: 'limit', value: '5' });
    expect(vessel?.fields[2]?.deprecated).toBe(true);
    expect(read.types[3]?.values.map(({ name }) => name)).toEqual(['Vessel', 'Position']);
  });

  it('names the line of an error', () => {
    expect(readGraphql('type A {\n  b: \n}')).toMatchObject({ line: 3 });
  });
});
