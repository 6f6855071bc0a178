import { kindInfo, KindIcon } from '@/catalog/kinds';
import { formatRef, type Ref } from '@/catalog/ref';

/** The header before the entity is known: what the address says, in the same place. */
export function EntitySkeleton({ entityRef }: { entityRef: Ref }) {
  return (
    <header className="entity-head" aria-busy>
      <span className="entity-mark">
        <KindIcon kind={entityRef.kind} size={22} />
      </span>
      <div className="entity-title">
        <p className="entity-over">{kindInfo(entityRef.kind).label}</p>
        <h1>{entityRef.name}</h1>
        <p className="entity-under">
          <span className="mono">{formatRef(entityRef)}</span>
        </p>
      </div>
    </header>
  );
}
