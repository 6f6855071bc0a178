import type { Entity } from '@/api/types';

/** Only addresses of the web are offered as links: a catalog file may say anything. */
export function webAddress(text: string | undefined): string | undefined {
  return text && /^https?:\/\//i.test(text) ? text : undefined;
}

/** Links may also lead to mail or a phone. */
export function linkAddress(text: string): string | undefined {
  return webAddress(text) ?? (/^(mailto|tel):/i.test(text) ? text : undefined);
}

export interface Origin {
  /** The file, as "type:target". */
  location?: string;
  /** What was registered to bring it. */
  origin?: string;
  view?: string;
  edit?: string;
}

/** Where an entity comes from, out of its annotations. */
export function originOf({ metadata }: Entity): Origin {
  const said = metadata.annotations ?? {};
  const location = said['backstage.io/managed-by-location'];
  const [, type, target] = /^([^:]+):(.*)$/.exec(location ?? '') ?? [];
  return {
    location,
    origin: said['backstage.io/managed-by-origin-location'],
    view: webAddress(
      said['backstage.io/view-url'] ??
        said['backstage.io/source-location']?.replace(/^url:/, '') ??
        (type === 'url' ? target : undefined),
    ),
    edit: webAddress(said['backstage.io/edit-url']),
  };
}

/** Whether no location lists the entity any more. */
export const isOrphan = ({ metadata }: Entity): boolean =>
  metadata.annotations?.['backstage.io/orphan'] === 'true';
