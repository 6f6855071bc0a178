import { IconStar, IconStarFilled } from '@tabler/icons-react';
import type { Entity } from '@/api/types';
import { EntityLink } from '@/catalog/EntityLink';
import { kindInfo, KindIcon } from '@/catalog/kinds';
import { toggleStar, useStarred } from '@/catalog/personal';
import { formatRef, refOf, titleOf } from '@/catalog/ref';
import { targetsOf } from '@/catalog/relations';
import { CopyButton } from '@/kit/CopyButton';
import { EntityActions } from './EntityActions';
import { lifecycleTone } from './lifecycle';

/** What the entity is, whose it is, and what can be done with it. */
export function EntityHeader({ entity }: { entity: Entity }) {
  const ref = formatRef(refOf(entity));
  const { type, lifecycle } = entity.spec ?? {};
  const owners = targetsOf(entity, 'ownedBy');
  const starred = useStarred().includes(ref);
  const Star = starred ? IconStarFilled : IconStar;
  return (
    <header className="entity-head">
      <span className="entity-mark">
        <KindIcon kind={entity.kind} size={22} />
      </span>
      <div className="entity-title">
        <p className="entity-over">
          {kindInfo(entity.kind).label}
          {typeof type === 'string' && <> · {type}</>}
        </p>
        <h1>{titleOf(entity)}</h1>
        <p className="entity-under">
          <span className="entity-ref">
            <span className="mono">{ref}</span>
            <CopyButton text={ref} what="the reference" />
          </span>
          {typeof lifecycle === 'string' && (
            <span className="lifecycle">
              <span className="dot" data-tone={lifecycleTone(lifecycle)} />
              {lifecycle}
            </span>
          )}
          {owners.map(owner => (
            <EntityLink key={owner} to={owner} defaults={{ kind: 'group' }} icon />
          ))}
        </p>
      </div>
      <div className="entity-actions">
        <button
          type="button"
          className="btn"
          aria-pressed={starred}
          aria-label={`Star ${titleOf(entity)}`}
          data-starred={starred || undefined}
          onClick={() => toggleStar(ref)}
        >
          <Star size={15} stroke={1.7} aria-hidden />
          <span className="wide-only">{starred ? 'Starred' : 'Star'}</span>
        </button>
        <EntityActions entity={entity} entityRef={ref} />
      </div>
    </header>
  );
}
