import type { FacetValue } from '@/api/types';

export interface Option {
  value: string;
  count: number;
  picked: boolean;
}

const most = 100;

/**
 * The options of a filter: values that differ only by case are one (the API
 * compares them so), picked ones stay visible with zero hits and come first.
 */
export function mergeOptions(values: FacetValue[], picked: string[]): Option[] {
  const merged = new Map<string, Option>();
  const chosen = new Set(picked.map(value => value.toLowerCase()));
  for (const { value, count } of values) {
    if (!value) continue;
    const key = value.toLowerCase();
    const before = merged.get(key);
    merged.set(key, {
      value: before && before.count >= count ? before.value : value,
      count: count + (before?.count ?? 0),
      picked: chosen.has(key),
    });
  }
  for (const value of picked) {
    const key = value.toLowerCase();
    if (!merged.has(key)) merged.set(key, { value, count: 0, picked: true });
  }
  return [...merged.values()].sort(
    (a, b) =>
      Number(b.picked) - Number(a.picked) || b.count - a.count || (a.value < b.value ? -1 : 1),
  );
}

/** The options that contain the text, capped, and how many more there are. */
export function narrow(options: Option[], text: string, label: (value: string) => string) {
  const term = text.trim().toLowerCase();
  const found = term
    ? options.filter(({ value }) => label(value).toLowerCase().includes(term))
    : options;
  return { shown: found.slice(0, most), hidden: Math.max(0, found.length - most) };
}
