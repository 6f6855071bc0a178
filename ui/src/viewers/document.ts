import { LineCounter, parseDocument } from 'yaml';
import { isObject, type Json } from './json';

export type Parsed = { document: Json } | { error: string; line?: number };

/** Most large definitions are JSON, which the browser itself reads much faster. */
function readJson(text: string): Json | undefined {
  if (!text.trimStart().startsWith('{')) return undefined;
  try {
    const value: unknown = JSON.parse(text);
    return isObject(value) ? value : undefined;
  } catch {
    return undefined;
  }
}

/** Reads YAML or JSON; an error names the line, counted from 1. */
export function readDocument(text: string): Parsed {
  const json = readJson(text);
  if (json) return { document: json };
  const lines = new LineCounter();
  // A key given twice is a mistake, but none that keeps people from reading the rest.
  const parsed = parseDocument(text, {
    lineCounter: lines,
    prettyErrors: false,
    uniqueKeys: false,
  });
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
