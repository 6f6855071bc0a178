import { parseRef, formatRef } from '@/catalog/ref';

/** What somebody asks about: a place that is read, an entity, or only a name. */
export type Question =
  | { sort: 'target'; target: string }
  | { sort: 'entity'; entityRef: string }
  | { sort: 'name'; name: string };

/** Tells what a text means; undefined for none. */
export function readQuestion(text: string): Question | undefined {
  const asked = text.trim();
  if (!asked) return undefined;
  if (asked.includes('://') || asked.startsWith('/') || /^(url|file):/i.test(asked)) {
    return { sort: 'target', target: asked };
  }
  if (asked.includes(':')) return { sort: 'entity', entityRef: formatRef(parseRef(asked)) };
  if (/\.(ya?ml|json)$/i.test(asked)) return { sort: 'target', target: `/${asked}` };
  return { sort: 'name', name: asked.toLowerCase() };
}

/** A file or address without the type before it. */
export const bareTarget = (target: string): string => target.replace(/^(url|file):/, '');
