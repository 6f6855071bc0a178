/** The filters, by the names that the API and the address share. */
export const filterNames = [
  'text',
  'actor',
  'event',
  'target',
  'plugin',
  'status',
  'severity',
  'from',
  'to',
] as const;

export type FilterName = (typeof filterNames)[number];
export type Filters = Partial<Record<FilterName, string>>;

export interface AuditState {
  filters: Filters;
  cursor?: string;
  /** The event whose details are open. */
  id?: string;
}

export function readState(raw: Record<string, unknown>): AuditState {
  const text = (key: string) => (typeof raw[key] === 'string' ? raw[key].trim() : '');
  const filters: Filters = {};
  for (const name of filterNames) if (text(name)) filters[name] = text(name);
  return { filters, cursor: text('cursor') || undefined, id: text('id') || undefined };
}

export function writeState({ filters, cursor, id }: AuditState): Record<string, string> {
  const raw: Record<string, string> = {};
  for (const name of filterNames) {
    const text = filters[name]?.trim();
    if (text) raw[name] = text;
  }
  if (cursor) raw.cursor = cursor;
  if (id) raw.id = id;
  return raw;
}

/** The search of the API for the filters. */
export const searchOf = (filters: Filters): string =>
  new URLSearchParams(writeState({ filters })).toString();

/** A moment of the address as a field for date and time shows it, in local time. */
export function toField(text: string | undefined): string {
  const at = text ? new Date(text) : undefined;
  if (!at || Number.isNaN(at.getTime())) return '';
  const local = new Date(at.getTime() - at.getTimezoneOffset() * 60_000);
  return local.toISOString().slice(0, 16);
}

/** What a field for date and time holds, as the API takes it. */
export function fromField(text: string): string {
  const at = text ? new Date(text) : undefined;
  return at && !Number.isNaN(at.getTime()) ? at.toISOString().replace('.000Z', 'Z') : '';
}
