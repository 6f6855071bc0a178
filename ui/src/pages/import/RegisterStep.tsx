import { useQuery, useQueryClient } from '@tanstack/react-query';
import { IconArrowLeft, IconCircleCheck } from '@tabler/icons-react';
import { useEffect, useMemo, useState } from 'react';
import { byRefs } from '@/api/catalog';
import { register } from '@/api/entity';
import { RelatedRow } from '@/pages/entity/RelatedList';
import { AppLink } from '@/kit/AppLink';
import { ErrorMessage } from '@/kit/ErrorMessage';
import { Waiting } from './Waiting';

interface RegisterStepProps {
  targets: string[];
  refs: string[];
  back: () => void;
}

const patience = 15_000;

/** Registers the targets and follows until their entities can be seen. */
export function RegisterStep({ targets, refs, back }: RegisterStepProps) {
  const client = useQueryClient();
  const done = useQuery({
    queryKey: ['register', ...targets],
    queryFn: async () => {
      for (const target of targets) await register(target);
      return true;
    },
    retry: false,
    staleTime: Infinity,
    gcTime: 0,
  });
  const [waited, setWaited] = useState(false);
  useEffect(() => {
    if (!done.data) return;
    const timer = setTimeout(() => setWaited(true), patience);
    return () => clearTimeout(timer);
  }, [done.data]);
  const sorted = useMemo(() => [...refs].sort(), [refs]);
  const seen = useQuery({
    ...byRefs(sorted, ['kind', 'metadata', 'spec.type', 'spec.profile']),
    enabled: done.data === true && sorted.length > 0,
    staleTime: 0,
    refetchInterval: query => (waited || query.state.data?.items.every(Boolean) ? false : 400),
  });
  const items = seen.data?.items ?? [];
  const count = items.filter(Boolean).length;
  const complete = done.data === true && (sorted.length === 0 || count === sorted.length);
  useEffect(() => {
    if (complete) {
      void client.invalidateQueries({ queryKey: ['by-query'] });
      void client.invalidateQueries({ queryKey: ['facets'] });
    }
  }, [complete, client]);

  if (done.isError) {
    return (
      <>
        <ErrorMessage error={done.error} retry={() => void done.refetch()} />
        <div className="import-actions">
          <button type="button" className="btn" onClick={back}>
            <IconArrowLeft size={15} aria-hidden />
            Back to the preview
          </button>
        </div>
      </>
    );
  }
  if (!done.data) return <Waiting text="Registering…" />;
  if (!complete && !waited) {
    return <Waiting text={`Registered. ${count} of ${sorted.length} entities are visible…`} />;
  }
  return (
    <section className="panel" aria-label="Registered">
      <div className="import-done">
        <IconCircleCheck size={22} stroke={1.7} aria-hidden />
        <div>
          <h2>{complete ? 'Registered' : 'Registered, but not everything is visible yet'}</h2>
          <p className="muted">
            {complete
              ? 'From now on its source is followed: changes there appear here by themselves.'
              : `${count} of ${sorted.length} entities are visible so far.`}
          </p>
        </div>
      </div>
      <ul className="related related-columns">
        {sorted.map((ref, at) => (
          <li key={ref}>
            <RelatedRow entityRef={ref} entity={items[at] ?? null} />
          </li>
        ))}
      </ul>
      <div className="import-actions import-next">
        <AppLink className="btn" href="/catalog-import">
          Register another
        </AppLink>
        {!complete && targets[0] && (
          <AppLink className="btn" href={`/catalog/why?q=${encodeURIComponent(targets[0])}`}>
            Why is something missing?
          </AppLink>
        )}
      </div>
    </section>
  );
}
