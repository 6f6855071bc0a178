import { useQuery } from '@tanstack/react-query';
import { IconCircleCheck } from '@tabler/icons-react';
import { explain, type Refused, type UnprocessedEntity } from '@/api/entity';
import { RefusedList } from '@/catalog/RefusedList';
import { ErrorMessage } from '@/kit/ErrorMessage';
import { Message } from '@/kit/kit';
import { FailedList } from './FailedList';

/** Refused documents under their heading. */
export function RefusedPanel({ items }: { items: readonly Refused[] }) {
  return (
    <section className="panel" aria-label="Left out">
      <div className="panel-head">
        <h2>Left out</h2>
        <span className="panel-count num">{items.length}</span>
      </div>
      <RefusedList items={items} />
    </section>
  );
}

interface LeftOutProps {
  /** Shown below, when there are any. */
  failed?: readonly UnprocessedEntity[];
}

/** Every document that was left out, of all sources. */
export function LeftOut({ failed: all = [] }: LeftOutProps) {
  const query = useQuery(explain(undefined));
  const refused = query.data?.refused ?? [];
  // A location fails with what is in it; that stands above already.
  const sources = new Set(refused.map(({ source }) => source));
  const failed = all.filter(item => !sources.has(item.entity_ref));
  if (query.isError) {
    return <ErrorMessage error={query.error} retry={() => void query.refetch()} />;
  }
  if (!query.data) return <div className="panel sk-live why-wait" />;
  if (refused.length + failed.length === 0) {
    return (
      <Message icon={IconCircleCheck} title="Nothing was left out">
        <p>Every document of every location was taken into the catalog.</p>
      </Message>
    );
  }
  return (
    <>
      {refused.length > 0 && <RefusedPanel items={refused} />}
      {failed.length > 0 && <FailedList title="Found, but not valid" items={failed} />}
    </>
  );
}
