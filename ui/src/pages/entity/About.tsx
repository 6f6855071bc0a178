import {
  IconBook,
  IconChartBar,
  IconChevronRight,
  IconCode,
  IconExternalLink,
  IconLayoutDashboard,
  IconMail,
  IconMessage,
  IconWorld,
  type Icon,
} from '@tabler/icons-react';
import type { ReactNode } from 'react';
import type { Entity, EntityLink as Link } from '@/api/types';
import { EntityLink } from '@/catalog/EntityLink';
import { targetsOf } from '@/catalog/relations';
import { AppLink } from '@/kit/AppLink';
import { CopyButton } from '@/kit/CopyButton';
import { lifecycleTone } from './lifecycle';
import { linkAddress, originOf } from './origin';
import { Panel } from './RelatedList';

const icons: Record<string, Icon> = {
  dashboard: IconLayoutDashboard,
  docs: IconBook,
  web: IconWorld,
  email: IconMail,
  chat: IconMessage,
  github: IconCode,
  code: IconCode,
  metrics: IconChartBar,
};

function Fact({ name, children }: { name: string; children: ReactNode }) {
  return (
    <div className="fact">
      <dt>{name}</dt>
      <dd>{children}</dd>
    </div>
  );
}

const parts: [relation: string, name: string, kind: string, part?: string][] = [
  ['ownedBy', 'Owner', 'group'],
  ['partOf', 'System', 'system', 'system'],
  ['partOf', 'Domain', 'domain', 'domain'],
  ['partOf', 'Part of', 'component', 'component'],
];

/** The facts beside the overview: owner, place in the whole, tags, labels, annotations. */
export function About({ entity }: { entity: Entity }) {
  const { metadata, spec } = entity;
  const { location, view } = originOf(entity);
  const related = parts
    .map(([relation, name, kind, only]) => ({
      name,
      kind,
      refs: targetsOf(entity, relation).filter(ref => !only || ref.startsWith(`${only}:`)),
    }))
    .filter(({ refs }) => refs.length > 0);
  return (
    <Panel title="About">
      <dl className="facts">
        {related.map(({ name, kind, refs }) => (
          <Fact key={name} name={name}>
            {refs.map(ref => (
              <EntityLink key={ref} to={ref} defaults={{ kind }} icon />
            ))}
          </Fact>
        ))}
        {typeof spec?.type === 'string' && <Fact name="Type">{spec.type}</Fact>}
        {typeof spec?.lifecycle === 'string' && (
          <Fact name="Lifecycle">
            <span className="lifecycle">
              <span className="dot" data-tone={lifecycleTone(spec.lifecycle)} />
              {spec.lifecycle}
            </span>
          </Fact>
        )}
        {metadata.tags && metadata.tags.length > 0 && (
          <Fact name="Tags">
            <span className="tags">
              {metadata.tags.map(tag => (
                <AppLink
                  key={tag}
                  className="tag"
                  href={`/catalog?filters[kind]=all&filters[tags]=${encodeURIComponent(tag)}`}
                >
                  <span>{tag}</span>
                </AppLink>
              ))}
            </span>
          </Fact>
        )}
        {location && (
          <Fact name="Source">
            {view ? (
              <a className="text-link source" href={view} target="_blank" rel="noopener noreferrer">
                {view.replace(/^https?:\/\//, '')}
              </a>
            ) : (
              <span className="source mono">{location.replace(/^file:/, '')}</span>
            )}
          </Fact>
        )}
      </dl>
      <Pairs title="Labels" values={metadata.labels} />
      <Pairs title="Annotations" values={metadata.annotations} />
    </Panel>
  );
}

function Pairs({ title, values }: { title: string; values?: Record<string, string> }) {
  const entries = Object.entries(values ?? {}).sort(([a], [b]) => a.localeCompare(b));
  if (entries.length === 0) return null;
  return (
    <details className="pairs">
      <summary>
        <IconChevronRight size={14} stroke={2} aria-hidden />
        {title}
        <span className="panel-count num">{entries.length}</span>
      </summary>
      <dl>
        {entries.map(([key, value]) => (
          <div key={key}>
            <dt className="mono">{key}</dt>
            <dd className="mono">
              <span>{value}</span>
              <CopyButton text={value} what={`the value of ${key}`} />
            </dd>
          </div>
        ))}
      </dl>
    </details>
  );
}

/** What the entity's authors want at hand. */
export function Links({ links }: { links: Link[] | undefined }) {
  const safe = (links ?? []).flatMap(link => {
    const href = linkAddress(link.url);
    return href ? [{ ...link, href }] : [];
  });
  if (safe.length === 0) return null;
  return (
    <Panel title="Links">
      <ul className="related">
        {safe.map(({ href, title, icon, url }) => {
          const Glyph = icons[icon?.toLowerCase() ?? ''] ?? IconWorld;
          return (
            <li key={url + (title ?? '')}>
              <a className="related-row" href={href} target="_blank" rel="noopener noreferrer">
                <Glyph size={15} stroke={1.6} className="kind-icon" aria-hidden />
                <span className="related-name">{title ?? url}</span>
                <span className="related-note">
                  <IconExternalLink size={13} stroke={1.7} aria-label="opens in a new tab" />
                </span>
              </a>
            </li>
          );
        })}
      </ul>
    </Panel>
  );
}
