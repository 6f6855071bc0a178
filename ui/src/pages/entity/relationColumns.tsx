import type { ReactNode } from 'react';
import type { Entity } from '@/api/types';
import { EntityLink } from '@/catalog/EntityLink';
import { lifecycleTone } from './lifecycle';

export interface RelationColumn {
  id: string;
  header: string;
  cell: (entity: Entity) => ReactNode;
}

const said = (value: unknown) => (typeof value === 'string' ? value : undefined);

const type: RelationColumn = {
  id: 'type',
  header: 'Type',
  cell: ({ spec }) => said(spec?.type),
};

const owner: RelationColumn = {
  id: 'owner',
  header: 'Owner',
  cell: ({ spec, metadata: { namespace } }) =>
    said(spec?.owner) && (
      <EntityLink to={said(spec?.owner) ?? ''} defaults={{ kind: 'group', namespace }} />
    ),
};

const lifecycle: RelationColumn = {
  id: 'life',
  header: 'Lifecycle',
  cell: ({ spec }) =>
    said(spec?.lifecycle) && (
      <span className="lifecycle">
        <span className="dot" data-tone={lifecycleTone(said(spec?.lifecycle) ?? '')} />
        {spec?.lifecycle}
      </span>
    ),
};

const description: RelationColumn = {
  id: 'text',
  header: 'Description',
  cell: ({ metadata }) => metadata.description,
};

const email: RelationColumn = {
  id: 'mail',
  header: 'Email',
  cell: ({ spec }) => spec?.profile?.email,
};

const byKind: Record<string, RelationColumn[]> = {
  user: [email],
  group: [type, description],
  resource: [type, owner, description],
  system: [owner, description],
  domain: [owner, description],
};

/** What is worth knowing of entities of a kind beside their name. */
export const columnsOf = (kind: string): RelationColumn[] =>
  byKind[kind.toLowerCase()] ?? [type, owner, lifecycle, description];
