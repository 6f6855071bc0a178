import { IconAlertTriangle } from '@tabler/icons-react';
import type { ReactNode } from 'react';
import type { Entity } from '@/api/types';
import { EntityLink } from '@/catalog/EntityLink';
import { kindInfo } from '@/catalog/kinds';
import { Tag } from '@/kit/kit';

export interface Column {
  id: string;
  header: string;
  /** The field the server sorts by; a column without one cannot be sorted. */
  sort?: string;
  /** A CSS width; columns without one share what is left. */
  width?: string;
  cell: (entity: Entity, actions: CellActions) => ReactNode;
}

export interface CellActions {
  pickTag: (tag: string) => void;
}

const lifecycleTone: Record<string, string> = {
  production: 'green',
  experimental: 'amber',
  deprecated: 'red',
};

function refs(entity: Entity, values: string[] | undefined, kind: string, most = 2): ReactNode {
  if (!values?.length) return null;
  const { namespace } = entity.metadata;
  return (
    <span className="ref-list">
      {values.slice(0, most).map(value => (
        <EntityLink key={value} to={value} defaults={{ kind, namespace }} />
      ))}
      {values.length > most && <span className="more">+{values.length - most}</span>}
    </span>
  );
}

const one = (value: string | undefined) => (value ? [value] : undefined);

const owner: Column = {
  id: 'owner',
  header: 'Owner',
  sort: 'relations.ownedBy',
  width: '140px',
  cell: entity => refs(entity, one(entity.spec?.owner), 'group'),
};

const system: Column = {
  id: 'system',
  header: 'System',
  sort: 'spec.system',
  width: '140px',
  cell: entity => refs(entity, one(entity.spec?.system), 'system'),
};

const domain: Column = {
  id: 'domain',
  header: 'Domain',
  sort: 'spec.domain',
  width: '150px',
  cell: entity => refs(entity, one(entity.spec?.domain), 'domain'),
};

const type: Column = {
  id: 'type',
  header: 'Type',
  sort: 'spec.type',
  width: '96px',
  cell: entity => entity.spec?.type,
};

const lifecycle: Column = {
  id: 'lifecycle',
  header: 'Lifecycle',
  sort: 'spec.lifecycle',
  width: '120px',
  cell: ({ spec }) =>
    spec?.lifecycle && (
      <span className="lifecycle">
        <span className="dot" data-tone={lifecycleTone[spec.lifecycle.toLowerCase()]} />
        {spec.lifecycle}
      </span>
    ),
};

const description: Column = {
  id: 'description',
  header: 'Description',
  cell: ({ metadata }) => <span title={metadata.description}>{metadata.description}</span>,
};

const tags: Column = {
  id: 'tags',
  header: 'Tags',
  width: '160px',
  cell: ({ metadata }, { pickTag }) =>
    metadata.tags && (
      <span className="tag-list" title={metadata.tags.join(', ')}>
        {metadata.tags.slice(0, 2).map(tag => (
          <Tag key={tag} onClick={() => pickTag(tag)}>
            {tag}
          </Tag>
        ))}
        {metadata.tags.length > 2 && <span className="more">+{metadata.tags.length - 2}</span>}
      </span>
    ),
};

const email: Column = {
  id: 'email',
  header: 'Email',
  sort: 'spec.profile.email',
  width: '26%',
  cell: ({ spec }) =>
    spec?.profile?.email && (
      <a className="entity-link" href={`mailto:${spec.profile.email}`}>
        <span>{spec.profile.email}</span>
      </a>
    ),
};

const memberOf: Column = {
  id: 'groups',
  header: 'Groups',
  width: '44%',
  cell: entity => refs(entity, entity.spec?.memberOf, 'group', 3),
};

const parent: Column = {
  id: 'parent',
  header: 'Parent',
  sort: 'spec.parent',
  width: '18%',
  cell: entity => refs(entity, one(entity.spec?.parent), 'group'),
};

const members: Column = {
  id: 'members',
  header: 'Members',
  width: '96px',
  cell: ({ relations, spec }) => {
    const related = relations?.filter(({ type: relation }) => relation === 'hasMember').length;
    return <span className="num">{related ?? spec?.members?.length ?? 0}</span>;
  },
};

const target: Column = {
  id: 'target',
  header: 'Target',
  width: '52%',
  cell: ({ spec }) => {
    const text = [spec?.target, ...(spec?.targets ?? [])].filter(Boolean).join(', ');
    return (
      <span className="mono" title={text}>
        {text}
      </span>
    );
  },
};

const kind: Column = {
  id: 'kind',
  header: 'Kind',
  sort: 'kind',
  width: '116px',
  cell: entity => kindInfo(entity.kind).label,
};

const name: Column = {
  id: 'name',
  header: 'Name',
  sort: 'metadata.name',
  // The table draws this cell itself: it holds the row's link and the star.
  cell: () => null,
};

const owned = [owner, type, lifecycle, description, tags];

const columnsByKind: Record<string, Column[]> = {
  component: [name, system, owner, type, lifecycle, description, tags],
  api: [name, system, owner, type, lifecycle, description, tags],
  resource: [name, system, owner, type, description, tags],
  system: [name, domain, owner, description, tags],
  domain: [name, owner, description, tags],
  group: [name, type, parent, members, description],
  user: [name, email, memberOf],
  template: [name, owner, type, description, tags],
  location: [name, type, target],
  all: [name, kind, owner, type, description, tags],
};

/** The columns that say something about entities of a kind; a custom kind gets the common ones. */
export function columnsFor(kindName: string): Column[] {
  return columnsByKind[kindName] ?? [name, ...owned];
}

/** Shown beside the name when the last processing of the entity failed. */
export function ProblemMark({ entity }: { entity: Entity }) {
  const problem = entity.status?.items?.find(({ level }) => level === 'error');
  if (!problem) return null;
  return (
    <span className="problem" title={problem.message}>
      <IconAlertTriangle size={14} aria-hidden />
      <span className="vh">Has processing errors</span>
    </span>
  );
}
