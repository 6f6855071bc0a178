import { useQuery } from '@tanstack/react-query';
import { IconMapQuestion } from '@tabler/icons-react';
import { byQuery } from '@/api/catalog';
import { explain, unprocessed } from '@/api/entity';
import { useCanRegister } from '@/app/nav';
import { formatRef, refOf } from '@/catalog/ref';
import { AppLink } from '@/kit/AppLink';
import { Message } from '@/kit/kit';
import { RelatedRow } from '@/pages/entity/RelatedList';
import { FailedList } from './FailedList';
import { RefusedPanel } from './LeftOut';

/** Only a name is known: the entities called so, and refused documents that mention it. */
export function NameAnswer({ name }: { name: string }) {
  const canRegister = useCanRegister();
  const present = useQuery(
    byQuery({
      body: {
        fullTextFilter: { term: name, fields: ['metadata.name', 'metadata.title'] },
        fields: ['kind', 'metadata.name', 'metadata.namespace', 'metadata.title', 'spec.type'],
        limit: 20,
      },
    }),
  );
  const everything = useQuery(explain(undefined));
  const refused = (everything.data?.refused ?? []).filter(({ entityRef, locationKey, message }) =>
    `${entityRef ?? ''} ${locationKey} ${message}`.toLowerCase().includes(name),
  );
  const notValid = useQuery(unprocessed('failed'));
  const failed = (notValid.data ?? []).filter(({ entity_ref: ref }) => ref.includes(name));
  const found = present.data?.items ?? [];
  if (present.isPending || everything.isPending) return <div className="panel sk-live why-wait" />;
  if (found.length + refused.length + failed.length === 0) {
    return (
      <Message
        icon={IconMapQuestion}
        title={`Nothing mentions “${name}”`}
        actions={
          canRegister && (
            <AppLink className="btn btn-primary" href="/catalog-import">
              Register its file
            </AppLink>
          )
        }
      >
        <p>
          No entity is called so and no refused document names it. Most likely its file was never
          registered, or the provider that should find it does not look there. Ask again with the
          address of the file to be sure.
        </p>
      </Message>
    );
  }
  return (
    <>
      {found.length > 0 && (
        <section className="panel" aria-label="In the catalog">
          <div className="panel-head">
            <h2>In the catalog</h2>
            <span className="panel-count num">{present.data?.totalItems}</span>
          </div>
          <ul className="related related-columns">
            {found.map(item => {
              const ref = formatRef(refOf(item));
              return (
                <li key={ref}>
                  <RelatedRow entityRef={ref} entity={item} note={item.kind} />
                </li>
              );
            })}
          </ul>
        </section>
      )}
      {refused.length > 0 && <RefusedPanel items={refused} />}
      {failed.length > 0 && <FailedList title="Found, but not valid" items={failed} />}
    </>
  );
}
