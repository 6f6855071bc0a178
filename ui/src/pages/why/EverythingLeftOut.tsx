import { useQuery } from '@tanstack/react-query';
import { IconCircleCheck } from '@tabler/icons-react';
import { explain } from '@/api/entity';
import { RefusedList } from '@/catalog/RefusedList';
import { ErrorMessage } from '@/kit/ErrorMessage';
import { Message } from '@/kit/kit';

/** Every document that was left out, of all sources. */
export function EverythingLeftOut() {
  const query = useQuery(explain(undefined));
  const refused = query.data?.refused ?? [];
  if (query.isError) {
    return <ErrorMessage error={query.error} retry={() => void query.refetch()} />;
  }
  if (!query.data) return <div className="panel sk-live why-wait" />;
  if (refused.length === 0) {
    return (
      <Message icon={IconCircleCheck} title="Nothing was left out">
        <p>Every document of every location was taken into the catalog.</p>
      </Message>
    );
  }
  return (
    <section className="panel" aria-label="Left out">
      <div className="panel-head">
        <h2>Left out</h2>
        <span className="panel-count num">{refused.length}</span>
      </div>
      <RefusedList items={refused} />
    </section>
  );
}
