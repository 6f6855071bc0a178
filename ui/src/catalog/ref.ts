import type { Entity } from '@/api/types';

/** The name of an entity: kind, namespace and name. */
export interface Ref {
  kind: string;
  namespace: string;
  name: string;
}

export interface RefDefaults {
  kind?: string;
  namespace?: string;
}

/** Reads "[kind:][namespace/]name"; what is left out comes from the defaults. */
export function parseRef(text: string, defaults: RefDefaults = {}): Ref {
  const match = /^(?:([^:/]+):)?(?:([^:/]+)\/)?([^:/]+)$/.exec(text.trim());
  const kind = (match?.[1] ?? defaults.kind ?? '').toLowerCase();
  const namespace = (match?.[2] ?? defaults.namespace ?? 'default').toLowerCase();
  return { kind, namespace, name: match?.[3] ?? text };
}

/** The full, lower-case form "kind:namespace/name" that the API compares. */
export function formatRef({ kind, namespace, name }: Ref): string {
  return `${kind}:${namespace}/${name}`.toLowerCase();
}

export function refOf(entity: Entity): Ref {
  const { name, namespace = 'default' } = entity.metadata;
  return { kind: entity.kind.toLowerCase(), namespace, name };
}

/** The shortest form that is still unique for a reader: kind only where it is not expected. */
export function shortRef(ref: Ref, expectedKind?: string): string {
  const kind = expectedKind && ref.kind !== expectedKind ? `${ref.kind}:` : '';
  const namespace = ref.namespace === 'default' ? '' : `${ref.namespace}/`;
  return `${kind}${namespace}${ref.name}`;
}

/** What people call the entity: title, else display name, else name. */
export function titleOf(entity: Entity): string {
  return entity.metadata.title || entity.spec?.profile?.displayName || entity.metadata.name;
}

/** The address of the entity's page, the same as in Backstage. */
export function entityPath({ kind, namespace, name }: Ref): string {
  const parts = [namespace, kind, name].map(part => encodeURIComponent(part));
  return `/catalog/${parts.join('/')}`;
}
