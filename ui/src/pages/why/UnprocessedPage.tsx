import { useQuery } from '@tanstack/react-query';
import { useNavigate, useSearch } from '@tanstack/react-router';
import { IconCircleCheck } from '@tabler/icons-react';
import { unprocessed } from '@/api/entity';
import { useTitle } from '@/app/title';
import { AppLink } from '@/kit/AppLink';
import { ErrorMessage } from '@/kit/ErrorMessage';
import { Message, Segmented } from '@/kit/kit';
import { FailedList } from './FailedList';
import { LeftOut } from './LeftOut';
import '@/pages/entity/entity.css';
import './why.css';

type View = 'refused' | 'failed' | 'pending';

const views = [
  { value: 'refused', label: 'Left out' },
  { value: 'failed', label: 'Failed' },
  { value: 'pending', label: 'Waiting' },
] as const;

/** Everything that did not, or not yet, become an entity. */
export function UnprocessedPage() {
  useTitle('Problems');
  const raw = useSearch({ strict: false }) as Record<string, string | undefined>;
  const navigate = useNavigate();
  const view: View = raw.view === 'failed' || raw.view === 'pending' ? raw.view : 'refused';
  return (
    <div className="page why">
      <header className="page-head">
        <h1>Problems of the catalog</h1>
        <AppLink className="btn" href="/catalog/why">
          Ask about one
        </AppLink>
      </header>
      <p className="muted why-lead">
        Documents that were left out, entities whose processing failed, and those that wait.
      </p>
      <Segmented
        label="Which"
        value={view}
        options={views}
        onChange={value =>
          void navigate({
            to: '/catalog-unprocessed-entities',
            search: (value === 'refused' ? {} : { view: value }) as never,
          })
        }
      />
      <div className="why-answer">
        {view === 'refused' ? <LeftOut /> : <Unprocessed key={view} type={view} />}
      </div>
    </div>
  );
}

function Unprocessed({ type }: { type: 'failed' | 'pending' }) {
  const query = useQuery(unprocessed(type));
  if (query.isError) {
    return <ErrorMessage error={query.error} retry={() => void query.refetch()} />;
  }
  if (!query.data) return <div className="panel sk-live why-wait" />;
  if (query.data.length === 0) {
    return (
      <Message
        icon={IconCircleCheck}
        title={type === 'failed' ? 'Nothing failed' : 'Nothing waits'}
      >
        <p>
          {type === 'failed'
            ? 'Every entity was processed without an error.'
            : 'Everything that was found is processed.'}
        </p>
      </Message>
    );
  }
  return <FailedList title={type === 'failed' ? 'Failed' : 'Waiting'} items={query.data} />;
}
