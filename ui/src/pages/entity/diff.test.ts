import { describe, expect, it } from 'vitest';
import { readablePath, readUnified, sideBySide } from './diff';

const text = `--- a version 1
+++ a version 2
@@ -1,3 +1,3 @@
 kind: API
-name: old
+name: new
 end: 1
@@ -10 +10,2 @@
 tags:
+  - x
`;

describe('diffs', () => {
  it('reads lines with their numbers and the gap between hunks', () => {
    expect(readUnified(text)).toEqual([
      { sort: 'same', text: 'kind: API', before: 1, after: 1 },
      { sort: 'remove', text: 'name: old', before: 2 },
      { sort: 'add', text: 'name: new', after: 2 },
      { sort: 'same', text: 'end: 1', before: 3, after: 3 },
      { sort: 'gap', text: '' },
      { sort: 'same', text: 'tags:', before: 10, after: 10 },
      { sort: 'add', text: '  - x', after: 11 },
    ]);
  });

  it('puts a replaced line beside the new one', () => {
    const rows = sideBySide(readUnified(text)).map(([a, b]) => [a?.text, b?.text]);
    expect(rows[1]).toEqual(['name: old', 'name: new']);
    expect(rows[rows.length - 1]).toEqual([undefined, '  - x']);
  });

  it('reads pointers', () => {
    expect(readablePath('/metadata/annotations/example.com~1a')).toBe(
      'metadata.annotations["example.com/a"]',
    );
    expect(readablePath('/spec/dependsOn/0')).toBe('spec.dependsOn[0]');
  });
});
