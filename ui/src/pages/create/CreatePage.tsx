import { useQuery } from '@tanstack/react-query';
import { useNavigate, useSearch } from '@tanstack/react-router';
import { IconFilterOff, IconTemplate } from '@tabler/icons-react';
import { byQuery, canonicalSearch } from '@/api/catalog';
import type { Entity } from '@/api/types';
import { useCanRegister } from '@/app/nav';
import { useTitle } from '@/app/title';
import { EntityLink } from '@/catalog/EntityLink';
import { entityPath, formatRef, refOf, titleOf } from '@/catalog/ref';
import { targetsOf } from '@/catalog/relations';
import { AppLink } from '@/kit/AppLink';
import { ErrorMessage } from '@/kit/ErrorMessage';
import { Message, SearchField, Tag } from '@/kit/kit';
import './create.css';

const most = 500;

/** Every template that the user may see; the server leaves out the others. */
const templates = byQuery({
  search: canonicalSearch([
    ['fields', 'kind,metadata,spec.type,spec.owner,relations'],
    ['filter', 'kind=template'],
    ['limit', String(most)],
    ['orderField', 'metadata.title,asc'],
  ]),
});

const textOf = (entity: Entity) =>
  [titleOf(entity), entity.metadata.description, entity.spec?.type, ...(entity.metadata.tags ?? [])]
    .join(' ')
    .toLowerCase();

/** The templates, as a gallery. The text of the filter and the tag stand in the address. */
export function CreatePage() {
  useTitle('Create');
  const raw = useSearch({ strict: false }) as Record<string, string | undefined>;
  const navigate = useNavigate();
  const query = useQuery(templates);
  const canRegister = useCanRegister();
  const { q = '', tag = '' } = raw;
  const change = (next: { q?: string; tag?: string }) =>
    void navigate({
      to: '/create',
      search: Object.fromEntries(
        Object.entries({ q, tag, ...next }).filter(([, text]) => text),
      ) as never,
      replace: next.tag === undefined,
    });
  const words = q.toLowerCase().split(/\s+/).filter(Boolean);
  const items = query.data?.items.filter(
    item =>
      (!tag || item.metadata.tags?.includes(tag)) &&
      words.every(word => textOf(item).includes(word)),
  );
  return (
    <div className="page">
      <header className="page-head">
        <h1>Create</h1>
      </header>
      <p className="muted create-lead">
        Templates for new things, as your organisation makes them.
      </p>
      {query.data && query.data.items.length > 0 && (
        <div className="create-filter">
          <SearchField
            label="Filter templates"
            placeholder="Filter…"
            value={q}
            onChange={text => change({ q: text })}
          />
          {tag && (
            <button type="button" className="btn" onClick={() => change({ tag: '' })}>
              Tag: {tag} ×
            </button>
          )}
        </div>
      )}
      {query.isError && !query.data ? (
        <ErrorMessage error={query.error} retry={() => void query.refetch()} />
      ) : !items ? (
        <Loading />
      ) : query.data?.items.length === 0 ? (
        <Message
          icon={IconTemplate}
          title="There is no template for you yet"
          actions={
            canRegister && (
              <AppLink className="btn btn-primary" href="/catalog-import">
                Register a template
              </AppLink>
            )
          }
        >
          <p>
            Templates are entities of the kind Template. Either none is registered, or none is meant
            for you; whoever runs the portal can tell.
          </p>
        </Message>
      ) : items.length === 0 ? (
        <Message
          icon={IconFilterOff}
          title="No template matches"
          actions={
            <button type="button" className="btn" onClick={() => change({ q: '', tag: '' })}>
              Show all templates
            </button>
          }
        />
      ) : (
        <ul className="templates" aria-label="Templates">
          {items.map(item => (
            <li key={formatRef(refOf(item))}>
              <TemplateCard entity={item} onTag={name => change({ tag: name })} />
            </li>
          ))}
        </ul>
      )}
    </div>
  );
}

function TemplateCard({ entity, onTag }: { entity: Entity; onTag: (tag: string) => void }) {
  const { description, tags = [] } = entity.metadata;
  const owners = targetsOf(entity, 'ownedBy');
  return (
    <article className="template-card">
      <p className="template-type">{entity.spec?.type ?? 'template'}</p>
      <h2>
        <AppLink className="row-link" href={entityPath(refOf(entity))}>
          {titleOf(entity)}
        </AppLink>
      </h2>
      {description && <p className="template-text">{description}</p>}
      {tags.length > 0 && (
        <div className="template-tags">
          {tags.map(tag => (
            <Tag key={tag} onClick={() => onTag(tag)}>
              {tag}
            </Tag>
          ))}
        </div>
      )}
      <div className="template-owner">
        {owners.map(owner => (
          <EntityLink key={owner} to={owner} defaults={{ kind: 'group' }} icon />
        ))}
      </div>
    </article>
  );
}

function Loading() {
  return (
    <div className="templates sk-live" aria-busy="true" aria-label="Loading">
      {Array.from({ length: 6 }, (_, at) => (
        <div className="template-card" key={at} />
      ))}
    </div>
  );
}
