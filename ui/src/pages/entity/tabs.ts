export type TabId =
  'overview' | 'definition' | 'members' | 'org' | 'relations' | 'graph' | 'history' | 'raw';

const labels: Record<TabId, string> = {
  overview: 'Overview',
  definition: 'Definition',
  members: 'Members',
  org: 'Organisation',
  relations: 'Relations',
  graph: 'Graph',
  history: 'History',
  raw: 'Source',
};

export interface Tab {
  id: TabId;
  label: string;
}

/** The tabs of an entity of a kind (in lower case), in order. */
export function tabsFor(kind: string): Tab[] {
  const ids: TabId[] = ['overview'];
  if (kind === 'api') ids.push('definition');
  if (kind === 'group') ids.push('members', 'org');
  ids.push('relations', 'graph', 'history', 'raw');
  return ids.map(id => ({ id, label: labels[id] }));
}

/** Names under which the tabs are known from the stock front-end and its plugins. */
const aliases: Record<string, TabId> = {
  api: 'relations',
  apis: 'relations',
  dependencies: 'relations',
  diagram: 'graph',
  'catalog-graph': 'graph',
  yaml: 'raw',
  json: 'raw',
};

/** The tab an address names; undefined if this kind has no such tab. */
export function tabOf(kind: string, name: string | undefined): TabId | undefined {
  if (!name) return 'overview';
  const wanted = name.toLowerCase();
  if (kind === 'api' && wanted === 'api') return 'definition';
  const ids = tabsFor(kind).map(({ id }) => id);
  return ids.find(id => id === wanted) ?? aliases[wanted];
}
