import { describe, expect, it } from 'vitest';
import { highlight, type Language } from './highlight';

const plain = (text: string, language: Language) =>
  highlight(text, language)
    .map(line => line.map(token => token.text).join(''))
    .join('\n');

describe('highlight', () => {
  it.each<[Language, string]>([
    ['yaml', 'a: "x" # note\nlist:\n  - 1\n  - url: http://x:80/a\n'],
    ['json', '{"a": [1, true, "b\\"c"]}'],
    ['graphql', '"""\nlong\n"""\ntype A implements B { a(b: Int = 1): [C!]! }'],
    ['proto', '/* a\nb */ message A { repeated string x = 1; } // end'],
    ['text', 'any\n\nthing'],
  ])('loses nothing of %s', (language, text) => expect(plain(text, language)).toBe(text));

  it('knows keys from strings', () => {
    expect(highlight('{"a": "b"}', 'json')[0]?.map(({ sort }) => sort)).toEqual([
      'punctuation',
      'key',
      'punctuation',
      undefined,
      'string',
      'punctuation',
    ]);
  });
});
