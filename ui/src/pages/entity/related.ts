import { useQuery } from '@tanstack/react-query';
import { useMemo } from 'react';
import { byRefs } from '@/api/catalog';
import type { Entity } from '@/api/types';

const fields = [
  'kind',
  'metadata.name',
  'metadata.namespace',
  'metadata.title',
  'metadata.description',
  'metadata.tags',
  'spec.type',
  'spec.lifecycle',
  'spec.owner',
  'spec.system',
  'spec.profile',
  'status',
];

/** Asked at once at most; a group may own thousands. */
const most = 500;

/** An entity once it is known, null where there is none, undefined while loading. */
export type Related = ReadonlyMap<string, Entity | null>;

/** The entities behind refs, as much as lists show of them. */
export function useRelated(refs: readonly string[]): Related {
  const wanted = useMemo(() => [...new Set(refs)].sort().slice(0, most), [refs]);
  const { data } = useQuery({
    ...byRefs(wanted, fields),
    enabled: wanted.length > 0,
    placeholderData: before => before,
  });
  return useMemo(
    () =>
      new Map(
        data && data.items.length === wanted.length
          ? wanted.map((ref, at) => [ref, data.items[at] ?? null])
          : [],
      ),
    [data, wanted],
  );
}
