import { describe, expect, it } from 'vitest';
import { mergeOptions, narrow } from './options';

describe('filter options', () => {
  it('merge values that differ by case and keep the commoner spelling', () => {
    const options = mergeOptions(
      [
        { value: 'Service', count: 1 },
        { value: 'service', count: 21 },
      ],
      [],
    );
    expect(options).toEqual([{ value: 'service', count: 22, picked: false }]);
  });

  it('put picked ones first and keep those without hits', () => {
    const options = mergeOptions([{ value: 'go', count: 9 }], ['rust']);
    expect(options.map(({ value, count }) => [value, count])).toEqual([
      ['rust', 0],
      ['go', 9],
    ]);
  });

  it('are narrowed by text and capped', () => {
    const options = mergeOptions(
      Array.from({ length: 250 }, (_, at) => ({ value: `v${at}`, count: 1 })),
      [],
    );
    expect(narrow(options, '', String)).toMatchObject({ hidden: 150 });
    expect(narrow(options, 'V24', String).shown).toHaveLength(11);
  });
});
