import { useQuery } from '@tanstack/react-query';
import { IconMapQuestion } from '@tabler/icons-react';
import { explain } from '@/api/entity';
import { openPalette } from '@/app/paletteHost';
import { formatRef, type Ref } from '@/catalog/ref';
import { AppLink } from '@/kit/AppLink';
import { Message } from '@/kit/kit';

/** For an entity that is not in the catalog: what is known about why. */
export function MissingEntity({ entityRef }: { entityRef: Ref }) {
  const ref = formatRef(entityRef);
  const { data } = useQuery(explain({ entityRef: ref }));
  const known = data && data.verdict !== 'unknown' && data.verdict !== 'present';
  return (
    <div className="page">
      <Message
        level={1}
        icon={IconMapQuestion}
        title={`${entityRef.name} is not in the catalog`}
        actions={
          <>
            <AppLink className="btn btn-primary" href={`/catalog/why?q=${encodeURIComponent(ref)}`}>
              Why is it not here?
            </AppLink>
            <AppLink className="btn" href={`/catalog?filters[kind]=${entityRef.kind}`}>
              Browse the catalog
            </AppLink>
            <button type="button" className="btn" onClick={openPalette}>
              Search
            </button>
          </>
        }
      >
        <p>
          {known
            ? data.message
            : 'It may have been renamed or removed, its file was never registered, or you may not see it.'}
        </p>
        <p className="mono state-ref">{ref}</p>
      </Message>
    </div>
  );
}
