import { canonicalSearch } from '@/api/catalog';
import { queryOptions } from '@tanstack/react-query';
import { api } from '@/app/services';
import type { Entity, QueryPage } from '@/api/types';
import { refOf, formatRef } from '@/catalog/ref';

const fields = [
  'kind',
  'metadata.name',
  'metadata.namespace',
  'metadata.title',
  'metadata.description',
  'spec.type',
  'spec.profile.displayName',
];
const textFields = [
  'metadata.name',
  'metadata.title',
  'spec.profile.displayName',
  'metadata.description',
];
const path = '/api/catalog/entities/by-query';
const most = 12;

/**
 * Finds entities for the palette. Several questions at once: names that begin
 * with the term, which are what people mean, and any text that contains it.
 */
export function entitySearch(term: string) {
  return queryOptions({
    queryKey: ['palette', term],
    queryFn: async ({ signal }) => {
      // Names have dashes where people type blanks.
      const dashed = term.replace(/\s+/g, '-');
      const prefix = api.post<QueryPage>(path, {
        signal,
        body: {
          query: { 'metadata.name': { $hasPrefix: dashed } },
          orderBy: [{ field: 'metadata.name', order: 'asc' }],
          fields,
          limit: most,
        },
      });
      const anywhere = [...new Set([term, dashed])].map(text =>
        api.get<QueryPage>(path, {
          signal,
          search: canonicalSearch([
            ['fullTextFilterTerm', text],
            ['fullTextFilterFields', textFields.join(',')],
            ['orderField', 'metadata.name,asc'],
            ['fields', fields.join(',')],
            ['limit', String(most * 2)],
          ]),
        }),
      );
      const pages = await Promise.all([prefix, ...anywhere]);
      return rank(
        term,
        pages.flatMap(({ items }) => items),
      ).slice(0, most);
    },
    enabled: term.length > 0,
  });
}

/** Lower is better: exact name, name or title begins so, a word of it does, contains it, described so. */
function score(term: string, { kind, metadata, spec }: Entity): number {
  const names = [metadata.name, metadata.title, spec?.profile?.displayName]
    .filter((name): name is string => !!name)
    .map(name => name.toLowerCase().replace(/\s+/g, '-'));
  const late = kind.toLowerCase() === 'location' ? 10 : 0;
  if (names.includes(term)) return late;
  if (names.some(name => name.startsWith(term))) return late + 1;
  if (names.some(name => name.split(/[\s._-]+/).some(word => word.startsWith(term))))
    return late + 2;
  return late + (names.some(name => name.includes(term)) ? 3 : 4);
}

/** Orders hits by how well the name fits, each entity once. */
export function rank(text: string, items: Entity[]): Entity[] {
  const term = text.toLowerCase().replace(/\s+/g, '-');
  const unique = new Map(items.map(entity => [formatRef(refOf(entity)), entity]));
  return [...unique.values()]
    .map(entity => ({ entity, at: score(term, entity) }))
    .sort((a, b) => a.at - b.at || a.entity.metadata.name.length - b.entity.metadata.name.length)
    .map(({ entity }) => entity);
}
