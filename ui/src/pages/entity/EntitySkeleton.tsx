import type { Entity } from '@/api/types';
import { kindInfo, KindIcon } from '@/catalog/kinds';
import { formatRef, titleOf, type Ref } from '@/catalog/ref';
import { lifecycleTone } from './lifecycle';

interface EntitySkeletonProps {
  entityRef: Ref;
  /** What a list said about it, when one was shown before. */
  hint?: Entity;
}

/** The header before the entity is known: what the address and lists say, in the same place. */
export function EntitySkeleton({ entityRef, hint }: EntitySkeletonProps) {
  const { type, lifecycle } = hint?.spec ?? {};
  return (
    <header className="entity-head" aria-busy>
      <span className="entity-mark">
        <KindIcon kind={entityRef.kind} size={22} />
      </span>
      <div className="entity-title">
        <p className="entity-over">
          {kindInfo(hint?.kind ?? entityRef.kind).label}
          {typeof type === 'string' && <> · {type}</>}
        </p>
        <h1>{hint ? titleOf(hint) : entityRef.name}</h1>
        <p className="entity-under">
          <span className="entity-ref">
            <span className="mono">{formatRef(entityRef)}</span>
            <span className="icon-btn-small" />
          </span>
          {typeof lifecycle === 'string' && (
            <span className="lifecycle">
              <span className="dot" data-tone={lifecycleTone(lifecycle)} />
              {lifecycle}
            </span>
          )}
        </p>
      </div>
    </header>
  );
}

/** The overview before the entity is known. */
export function BodySkeleton() {
  return (
    <div className="entity-body overview sk-live" aria-hidden>
      <div className="overview-main">
        <span className="sk sk-lead" />
        <div className="panels">
          <div className="panel sk-panel" />
          <div className="panel sk-panel" />
        </div>
      </div>
      <div className="overview-side">
        <div className="panel sk-panel sk-tall" />
      </div>
    </div>
  );
}
