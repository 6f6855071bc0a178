import { LineCounter, parseDocument } from 'yaml';
import { isObject, type Json } from './json';

export type Parsed = { document: Json } | { error: string; line?: number };

/** Reads YAML or JSON; an error names the line, counted from 1. */
export function readDocument(text: string): Parsed {
  const lines = new LineCounter();
  const parsed = parseDocument(text, { lineCounter: lines, prettyErrors: false });
  const [problem] = parsed.errors;
  if (problem) {
    // An error at the very end is shown at the last line there is.
    const last = text.trimEnd().split('\n').length;
    return { error: problem.message, line: Math.min(lines.linePos(problem.pos[0]).line, last) };
  }
  try {
    const document: unknown = parsed.toJS({ maxAliasCount: 200 });
    if (isObject(document)) return { document };
    return { error: 'The definition is not an object.', line: 1 };
  } catch (cause) {
    return { error: (cause as Error).message };
  }
}
