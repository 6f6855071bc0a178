import { describe, expect, it } from 'vitest';
import { compareKinds, kindInfo, kindWord } from './kinds';

describe('kinds', () => {
  it.each([
    ['component', 'Components', 'components'],
    ['API', 'APIs', 'APIs'],
    ['AiResource', 'AI resources', 'AI resources'],
    ['DataProduct', 'Data products', 'data products'],
    ['Library', 'Libraries', 'libraries'],
    ['Mesh', 'Meshes', 'meshes'],
  ])('%s is called %s, in a sentence %s', (kind, plural, word) => {
    expect(kindInfo(kind).plural).toBe(plural);
    expect(kindWord(kind)).toBe(word);
  });

  it('come in the order people look for them, locations last', () => {
    expect(['Location', 'Widget', 'User', 'Component', 'API'].sort(compareKinds)).toEqual([
      'Component',
      'API',
      'User',
      'Widget',
      'Location',
    ]);
  });
});
