/** Helpers for documents that may hold anything anywhere. */
export type Json = Record<string, unknown>;

export const isObject = (value: unknown): value is Json =>
  typeof value === 'object' && value !== null && !Array.isArray(value);
export const object = (value: unknown): Json => (isObject(value) ? value : {});
export const list = (value: unknown): unknown[] => (Array.isArray(value) ? value : []);
export const text = (value: unknown): string => {
  if (typeof value === 'string') return value;
  return typeof value === 'number' || typeof value === 'boolean' ? String(value) : '';
};
export const texts = (value: unknown): string[] => list(value).map(text).filter(Boolean);

/** What a local reference points to; undefined when it leads nowhere or elsewhere. */
export function lookup(root: Json, ref: string): unknown {
  if (!ref.startsWith('#/')) return undefined;
  let at: unknown = root;
  for (const part of ref.slice(2).split('/')) {
    let key = part;
    try {
      key = decodeURIComponent(part);
    } catch {
      // A stray percent sign stands for itself.
    }
    key = key.replaceAll('~1', '/').replaceAll('~0', '~');
    at = Array.isArray(at) ? at[Number(key)] : isObject(at) ? at[key] : undefined;
  }
  return at;
}

/** The object behind a value that may be a reference, followed at most ten times. */
export function deref(root: Json, value: unknown): Json {
  let at = object(value);
  for (let steps = 0; steps < 10 && typeof at.$ref === 'string'; steps++) {
    const { $ref, ...beside } = at;
    at = { ...object(lookup(root, $ref)), ...beside };
  }
  return at;
}

/** The last part of a reference: the name of what it points to. */
export const refName = (ref: string): string => ref.split('/').pop() ?? ref;
