import type { Entity } from '@/api/types';

/** How a relation reads as the heading over its targets, in the order of interest. */
const headings: Record<string, string> = {
  dependsOn: 'Depends on',
  dependencyOf: 'Used by',
  providesApi: 'Provides',
  consumesApi: 'Consumes',
  apiProvidedBy: 'Provided by',
  apiConsumedBy: 'Consumed by',
  hasPart: 'Parts',
  partOf: 'Part of',
  parentOf: 'Sub-groups',
  childOf: 'Parent',
  hasMember: 'Members',
  memberOf: 'Member of',
  ownerOf: 'Owns',
  ownedBy: 'Owned by',
};

const order = Object.keys(headings);

/** A relation type for people: known ones by name, others from the model or their own spelling. */
export function relationHeading(type: string, labels?: Record<string, string>): string {
  const text =
    headings[type] ?? labels?.[type] ?? type.replace(/([a-z])([A-Z])/g, '$1 $2').toLowerCase();
  return text.charAt(0).toUpperCase() + text.slice(1);
}

export interface RelationGroup {
  type: string;
  targets: string[];
}

/** The relations of an entity by type, known types first; each target once. */
export function relationGroups(relations: Entity['relations'] = []): RelationGroup[] {
  const groups = new Map<string, Set<string>>();
  for (const { type, targetRef } of relations) {
    const group = groups.get(type) ?? new Set();
    groups.set(type, group.add(targetRef));
  }
  const rank = (type: string) => (order.indexOf(type) + 1 || order.length + 1) - 1;
  return [...groups]
    .map(([type, targets]) => ({ type, targets: [...targets].sort() }))
    .sort((a, b) => rank(a.type) - rank(b.type) || a.type.localeCompare(b.type));
}

/** The targets of one relation type. */
export function targetsOf(entity: Entity, type: string): string[] {
  return relationGroups(entity.relations).find(group => group.type === type)?.targets ?? [];
}
