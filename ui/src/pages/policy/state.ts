import { formatRef, parseRef } from '@/catalog/ref';

export const tabs = [
  { id: 'sees', label: 'What can … see' },
  { id: 'viewers', label: 'Who can see …' },
  { id: 'explain', label: 'Explain' },
  { id: 'policy', label: 'Policy' },
] as const;

export type Tab = (typeof tabs)[number]['id'];

/** What the page shows; all of it stands in the address. */
export interface PolicyState {
  tab: Tab;
  /** Whose eyes; empty for one's own. */
  user: string;
  /** The entity that is looked at. */
  entity: string;
  permission: string;
  /** Which users are listed: all, those who can see it, those who cannot. */
  result: '' | 'ALLOW' | 'DENY';
  page: number;
}

/** A ref in full, also when only a name was given; empty for nonsense. */
export function fullRef(text: string | undefined, kind: string): string {
  const asked = text?.trim() ?? '';
  if (!asked || /\s/.test(asked)) return '';
  const ref = parseRef(asked, { kind });
  return ref.kind && ref.name ? formatRef(ref) : '';
}

export function readState(raw: Record<string, unknown>): PolicyState {
  const text = (key: string) => (typeof raw[key] === 'string' ? raw[key] : '');
  return {
    tab: tabs.find(({ id }) => id === raw.tab)?.id ?? 'sees',
    user: fullRef(text('user'), 'user'),
    entity: fullRef(text('entity'), 'component'),
    permission: text('permission') || 'catalog.entity.read',
    result: raw.result === 'ALLOW' || raw.result === 'DENY' ? raw.result : '',
    page: Math.max(1, Math.floor(Number(text('page')) || 1)),
  };
}

/** The address of a state; what is the default, or of no use to the tab, is left out. */
export function writeState(state: PolicyState): Record<string, string> {
  const { tab, user, entity, permission, result, page } = state;
  const raw: Record<string, string> = {};
  if (tab !== 'sees') raw.tab = tab;
  if (user && (tab === 'sees' || tab === 'explain')) raw.user = user;
  if (entity && (tab === 'viewers' || tab === 'explain')) raw.entity = entity;
  if (tab === 'explain' && permission !== 'catalog.entity.read') raw.permission = permission;
  if (tab === 'viewers' && result) raw.result = result;
  if (tab === 'viewers' && page > 1) raw.page = String(page);
  return raw;
}

export function addressOf(state: Partial<PolicyState>): string {
  const search = new URLSearchParams(writeState({ ...readState({}), ...state })).toString();
  return `/admin/policy${search ? `?${search}` : ''}`;
}
