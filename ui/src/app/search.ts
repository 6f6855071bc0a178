import type { RawSearch } from '@/pages/catalog/state';

/** Reads an address's query as plain text parameters; nothing is taken for JSON. */
export function parseSearch(text: string): RawSearch {
  const raw: RawSearch = {};
  for (const [key, value] of new URLSearchParams(text)) {
    const before = raw[key];
    raw[key] =
      before === undefined ? value : Array.isArray(before) ? [...before, value] : [before, value];
  }
  return raw;
}

// Characters that are legal in a query and that people like to read there.
const readable: Record<string, string> = { '%5B': '[', '%5D': ']', '%3A': ':', '%2F': '/' };
const encode = (text: string) =>
  encodeURIComponent(text).replace(/%5B|%5D|%3A|%2F/g, code => readable[code] ?? code);

export function stringifySearch(raw: Record<string, unknown>): string {
  const pairs: string[] = [];
  for (const [key, value] of Object.entries(raw)) {
    if (value === undefined || value === null) continue;
    for (const item of Array.isArray(value) ? (value as unknown[]) : [value]) {
      pairs.push(`${encode(key)}=${encode(String(item))}`);
    }
  }
  return pairs.length ? `?${pairs.join('&')}` : '';
}
