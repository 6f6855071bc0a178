export interface DiffLine {
  sort: 'same' | 'add' | 'remove' | 'gap';
  text: string;
  /** Line numbers, counted from 1. */
  before?: number;
  after?: number;
}

const hunk = /^@@ -(\d+)(?:,\d+)? \+(\d+)(?:,\d+)? @@/;

/** Reads a unified diff of one file. */
export function readUnified(text: string): DiffLine[] {
  const lines: DiffLine[] = [];
  let before = 0;
  let after = 0;
  let inside = false;
  for (const line of text.replace(/\n$/, '').split('\n')) {
    const start = hunk.exec(line);
    if (start) {
      if (inside) lines.push({ sort: 'gap', text: '' });
      inside = true;
      before = Number(start[1]) || 1;
      after = Number(start[2]) || 1;
    } else if (inside) {
      const rest = line.slice(1);
      if (line.startsWith('+')) lines.push({ sort: 'add', text: rest, after: after++ });
      else if (line.startsWith('-')) lines.push({ sort: 'remove', text: rest, before: before++ });
      else if (!line.startsWith('\\'))
        lines.push({ sort: 'same', text: rest, before: before++, after: after++ });
    }
  }
  return lines;
}

/** One row of a side-by-side view. */
export type DiffRow = [left: DiffLine | undefined, right: DiffLine | undefined];

/** Puts removed lines beside the added ones that follow them. */
export function sideBySide(lines: readonly DiffLine[]): DiffRow[] {
  const rows: DiffRow[] = [];
  let removed: DiffLine[] = [];
  let added: DiffLine[] = [];
  const flush = () => {
    for (let at = 0; at < Math.max(removed.length, added.length); at++) {
      rows.push([removed[at], added[at]]);
    }
    removed = [];
    added = [];
  };
  for (const line of lines) {
    if (line.sort === 'remove') {
      if (added.length > 0) flush();
      removed.push(line);
    } else if (line.sort === 'add') added.push(line);
    else {
      flush();
      rows.push([line, line]);
    }
  }
  flush();
  return rows;
}

/** A JSON pointer as people write paths: metadata.tags[0]. */
export function readablePath(pointer: string): string {
  return pointer
    .split('/')
    .slice(1)
    .map(part => part.replaceAll('~1', '/').replaceAll('~0', '~'))
    .map((part, at) =>
      /^\d+$/.test(part)
        ? `[${part}]`
        : /[./\s]/.test(part)
          ? `["${part}"]`
          : at === 0
            ? part
            : `.${part}`,
    )
    .join('');
}
