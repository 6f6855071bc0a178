/** The sorts of relations that the picture tells apart by line. */
export type LineSort = 'dependency' | 'api' | 'part' | 'owner' | 'other';

const sorts: Record<string, LineSort> = {
  dependsOn: 'dependency',
  dependencyOf: 'dependency',
  providesApi: 'api',
  apiProvidedBy: 'api',
  consumesApi: 'api',
  apiConsumedBy: 'api',
  hasPart: 'part',
  partOf: 'part',
  parentOf: 'part',
  childOf: 'part',
  ownerOf: 'owner',
  ownedBy: 'owner',
  hasMember: 'owner',
  memberOf: 'owner',
};

export const lineSort = (relations: readonly string[]): LineSort =>
  sorts[relations[0] ?? ''] ?? 'other';

export const lineNames: Record<LineSort, string> = {
  dependency: 'Dependency',
  api: 'API',
  part: 'Part',
  owner: 'Owner, member',
  other: 'Other',
};

const labels: Record<string, string> = {
  providesApi: 'provides',
  apiProvidedBy: 'provided by',
  consumesApi: 'consumes',
  apiConsumedBy: 'consumed by',
  ownerOf: 'owns',
  dependencyOf: 'used by',
};

/** A relation type on a line: short, in lower case. */
export function lineLabel(relations: readonly string[]): string {
  return relations
    .map(type => labels[type] ?? type.replace(/([a-z])([A-Z])/g, '$1 $2').toLowerCase())
    .join(' / ');
}
