import { useQuery } from '@tanstack/react-query';
import { useMemo } from 'react';
import { byQuery, facets } from '@/api/catalog';
import { graphOf } from '@/api/entity';
import { orgTree, pathTo, subtree } from './org';

/** The hierarchy around a group: the trees, the way down to it, itself with what is below. */
export function useOrg(ref: string) {
  const query = useQuery(
    graphOf({ rootRefs: [ref], maxDepth: 20, relations: ['parentOf', 'childOf'], limit: 500 }),
  );
  return useMemo(() => {
    const trees = query.data ? orgTree(query.data) : undefined;
    const path = trees ? pathTo(trees, ref) : [];
    const self = path[path.length - 1];
    return {
      trees,
      path,
      self,
      below: self ? subtree(self) : [ref],
      truncated: query.data?.truncated ?? false,
      query,
    };
  }, [query, ref]);
}

export const membersShown = 200;

/** The users who are members of at least one of the groups. */
export function membersOf(groups: readonly string[]) {
  return byQuery({
    body: {
      query: { $all: [{ kind: 'user' }, { 'relations.memberOf': { $in: [...groups] } }] },
      fields: ['kind', 'metadata.name', 'metadata.namespace', 'metadata.title', 'spec.profile'],
      orderBy: [{ field: 'metadata.name', order: 'asc' }],
      limit: membersShown,
    },
  });
}

/** How many entities of which kind an owner has. */
export function ownedCounts(owners: readonly string[]) {
  return facets({ facets: ['kind'], query: { 'relations.ownedBy': { $in: [...owners] } } });
}
