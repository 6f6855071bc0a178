import { useQuery } from '@tanstack/react-query';
import { useMemo } from 'react';
import { byQuery, canonicalSearch } from '@/api/catalog';
import { explain } from '@/api/entity';
import type { Entity } from '@/api/types';
import { formatRef, refOf } from '@/catalog/ref';
import { RefusedList } from '@/catalog/RefusedList';
import { AppLink } from '@/kit/AppLink';
import { Panel, RelatedRow } from './RelatedList';

/** The targets of a Location entity as absolute locations, relative ones against its own file. */
export function targetsOfLocation({ metadata, spec }: Entity): string[] {
  const own = metadata.annotations?.['backstage.io/managed-by-location'] ?? '';
  const [, type = 'url', base = ''] = /^([^:]+):(.*)$/.exec(own) ?? [];
  const kind = typeof spec?.type === 'string' ? spec.type : type;
  const targets = [spec?.target, ...(spec?.targets ?? [])].filter(
    (target): target is string => typeof target === 'string',
  );
  return targets.map(target => {
    if (/^([a-z]+:\/\/|\/)/i.test(target)) return `${kind}:${target}`;
    try {
      if (kind === 'url') return `url:${new URL(target, base).href}`;
      return `${kind}:${decodeURIComponent(new URL(target, `file://${base}`).pathname)}`;
    } catch {
      return `${kind}:${target}`;
    }
  });
}

/** What a location points to, what it brought and what went wrong. */
export function LocationOverview({ entity }: { entity: Entity }) {
  const targets = useMemo(() => targetsOfLocation(entity), [entity]);
  return (
    <>
      <Panel title={targets.length === 1 ? 'Target' : 'Targets'} count={targets.length}>
        {targets.length === 0 && (
          <p className="panel-note">This location names no target, so it brings nothing.</p>
        )}
        <div className="targets">
          {targets.map(target => (
            <Target key={target} target={target} />
          ))}
        </div>
      </Panel>
      <Brought entity={entity} />
    </>
  );
}

function Target({ target }: { target: string }) {
  const { data, isPending } = useQuery(explain({ target }));
  const problems = data?.sources?.flatMap(source => source.problems ?? []) ?? [];
  return (
    <div className="target">
      <p className="mono target-name">{target.replace(/^(url|file):/, '')}</p>
      <p className="muted">
        {isPending
          ? 'Looking it up…'
          : !data
            ? ''
            : data.verdict === 'location'
              ? `Brings ${data.children ?? 0} ${data.children === 1 ? 'entity' : 'entities'}`
              : data.message}{' '}
        <AppLink className="text-link" href={`/catalog/why?q=${encodeURIComponent(target)}`}>
          Details
        </AppLink>
      </p>
      {problems.map((problem, at) => (
        <div className="notice" key={at}>
          {problem.message}
        </div>
      ))}
      {data?.refused && <RefusedList items={data.refused} />}
    </div>
  );
}

const shown = 50;

function Brought({ entity }: { entity: Entity }) {
  const origin = entity.metadata.annotations?.['backstage.io/managed-by-origin-location'] ?? '';
  const own = formatRef(refOf(entity));
  const key = 'metadata.annotations.backstage.io/managed-by-origin-location';
  const { data } = useQuery({
    ...byQuery({
      search: canonicalSearch([
        [
          'fields',
          'kind,metadata.name,metadata.namespace,metadata.title,spec.type,spec.profile.displayName',
        ],
        ['filter', `${key}=${origin}`],
        ['limit', String(shown)],
        ['orderField', 'metadata.name,asc'],
      ]),
    }),
    enabled: origin !== '',
  });
  const items = data?.items.filter(item => formatRef(refOf(item)) !== own);
  if (!data || !items || items.length === 0) return null;
  return (
    <Panel title="Came with the same registration" count={data.totalItems - 1}>
      <ul className="related related-columns">
        {items.map(item => {
          const ref = formatRef(refOf(item));
          return (
            <li key={ref}>
              <RelatedRow entityRef={ref} entity={item} />
            </li>
          );
        })}
      </ul>
    </Panel>
  );
}
