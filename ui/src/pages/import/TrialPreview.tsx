import { IconAlertTriangle, IconCircleCheck, IconCircleX } from '@tabler/icons-react';
import { useMemo } from 'react';
import { useQuery } from '@tanstack/react-query';
import { byRefs } from '@/api/catalog';
import type { Trial } from '@/api/entity';
import type { Entity } from '@/api/types';
import { kindInfo, KindIcon } from '@/catalog/kinds';
import { formatRef, refOf, titleOf } from '@/catalog/ref';

interface TrialPreviewProps {
  target: string;
  trial: Trial;
  /** Undefined where there is nothing to choose. */
  chosen?: boolean;
  onChoose: (chosen: boolean) => void;
}

const locationKey = 'backstage.io/managed-by-location';

/** What a trial brings besides the location itself. */
export const broughtBy = ({ entities, location }: Trial): Entity[] =>
  entities.filter(entity => formatRef(refOf(entity)) !== location.entityRef?.toLowerCase());

/** Where an entity of the catalog came from, unless that is the target itself. */
function heldElsewhere(known: Entity | null | undefined, entity: Entity): string | undefined {
  const held = known?.metadata.annotations?.[locationKey];
  return held && held !== entity.metadata.annotations?.[locationKey]
    ? held.replace(/^(url|file):/, '')
    : undefined;
}

/** The documents of one target with a verdict each. */
export function TrialPreview({ target, trial, chosen, onChoose }: TrialPreviewProps) {
  const { problems = [], exists } = trial;
  const entities = useMemo(() => broughtBy(trial), [trial]);
  const refs = useMemo(() => entities.map(entity => formatRef(refOf(entity))), [entities]);
  const { data } = useQuery({
    ...byRefs(refs, ['kind', 'metadata.name', 'metadata.annotations']),
    enabled: refs.length > 0,
  });
  return (
    <section className="panel" aria-label={target}>
      <div className="import-target">
        {chosen !== undefined && (
          <input
            type="checkbox"
            aria-label={`Register ${target}`}
            checked={chosen}
            onChange={event => onChoose(event.target.checked)}
          />
        )}
        <span className="mono">{target}</span>
        {exists && (
          <span className="tag">
            <span>registered already</span>
          </span>
        )}
      </div>
      <ul className="verdicts">
        {problems.map((problem, at) => (
          <li key={`problem${at}`} data-bad>
            <IconCircleX size={17} stroke={1.7} aria-label="Refused" />
            <div>
              <strong>Left out</strong>
              <p className="import-message">{problem.message}</p>
            </div>
          </li>
        ))}
        {entities.map((entity, at) => {
          const held = heldElsewhere(data?.items[at], entity);
          const Verdict = held ? IconAlertTriangle : IconCircleCheck;
          return (
            <li key={refs[at]} data-warn={held ? true : undefined}>
              <Verdict size={17} stroke={1.7} aria-label={held ? 'Conflict' : 'Accepted'} />
              <div>
                <strong>
                  <KindIcon kind={entity.kind} size={15} />
                  {titleOf(entity)}
                  <span className="muted">
                    {kindInfo(entity.kind).label}
                    {typeof entity.spec?.type === 'string' && ` · ${entity.spec.type}`}
                  </span>
                </strong>
                {held ? (
                  <p className="muted">
                    Another file has this name already and keeps it: <code>{held}</code>
                  </p>
                ) : (
                  data?.items[at] && <p className="muted">In the catalog already; it is updated.</p>
                )}
              </div>
            </li>
          );
        })}
        {entities.length + problems.length === 0 && (
          <li>
            <div>
              <p className="muted">The file was read, but there is no entity in it.</p>
            </div>
          </li>
        )}
      </ul>
    </section>
  );
}
