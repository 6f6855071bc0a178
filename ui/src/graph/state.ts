/** Query parameters as the router keeps them. */
type Raw = Record<string, string | string[] | undefined>;

export const directions = [
  { value: 'LR', label: 'Left to right' },
  { value: 'TB', label: 'Top to bottom' },
  { value: 'RL', label: 'Right to left' },
  { value: 'BT', label: 'Bottom to top' },
] as const;

export type Direction = (typeof directions)[number]['value'];

/** What a picture of relations shows; all of it stands in the address. */
export interface GraphState {
  roots: string[];
  /** How many relations away; 20 stands for everything. */
  depth: number;
  /** Lower case; empty for all. */
  kinds: string[];
  relations: string[];
  direction: Direction;
  merge: boolean;
  unidirectional: boolean;
  view: 'picture' | 'list';
}

export const depths = [1, 2, 3, 4, 5, 20];
export const initialGraph: GraphState = {
  roots: [],
  depth: 2,
  kinds: [],
  relations: [],
  direction: 'LR',
  merge: true,
  unidirectional: true,
  view: 'picture',
};

const names = [
  'rootEntityRefs',
  'maxDepth',
  'selectedKinds',
  'selectedRelations',
  'unidirectional',
  'mergeRelations',
  'direction',
  'view',
];

/** All values of a parameter, in each of the forms lists are written in: x, x[], x[0]. */
function many(raw: Raw, name: string): string[] {
  const values: string[] = [];
  for (const [key, value] of Object.entries(raw)) {
    if (key.replace(/\[\d*\]$/, '') !== name || value === undefined) continue;
    values.push(...(Array.isArray(value) ? value : [value]));
  }
  return [...new Set(values.filter(Boolean))];
}

function depthOf(text: string | undefined, otherwise: number): number {
  if (text === undefined || text === '') return otherwise;
  if (/^(∞|infinity)$/i.test(text)) return 20;
  const depth = Number(text);
  return Number.isInteger(depth) && depth >= 0 ? Math.min(depth, 20) : otherwise;
}

/** Reads the state out of an address with the names of the stock front-end's graph page. */
export function readGraph(raw: Raw, initial = initialGraph): GraphState {
  const one = (name: string) => many(raw, name)[0];
  const direction = one('direction')?.toUpperCase();
  return {
    roots: many(raw, 'rootEntityRefs').map(ref => ref.toLowerCase()),
    depth: depthOf(one('maxDepth'), initial.depth),
    kinds: many(raw, 'selectedKinds').map(kind => kind.toLowerCase()),
    relations: many(raw, 'selectedRelations'),
    direction: directions.find(({ value }) => value === direction)?.value ?? initial.direction,
    merge: (one('mergeRelations') ?? 'true') !== 'false',
    unidirectional: (one('unidirectional') ?? 'true') !== 'false',
    view: one('view') === 'list' ? 'list' : 'picture',
  };
}

/** Writes state into an address, leaving out what is the default. */
export function writeGraph(state: GraphState, keep: Raw = {}, initial = initialGraph): Raw {
  const raw: Raw = {};
  for (const [key, value] of Object.entries(keep)) {
    if (!names.includes(key.replace(/\[\d*\]$/, ''))) raw[key] = value;
  }
  if (state.roots.length) raw['rootEntityRefs[]'] = state.roots;
  if (state.depth !== initial.depth) raw.maxDepth = state.depth === 20 ? '∞' : String(state.depth);
  if (state.kinds.length) raw['selectedKinds[]'] = state.kinds;
  if (state.relations.length) raw['selectedRelations[]'] = state.relations;
  if (!state.merge) raw.mergeRelations = 'false';
  if (!state.unidirectional) raw.unidirectional = 'false';
  if (state.direction !== initial.direction) raw.direction = state.direction;
  if (state.view === 'list') raw.view = 'list';
  return raw;
}
