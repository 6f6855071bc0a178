import { useQuery } from '@tanstack/react-query';
import { useNavigate, useSearch } from '@tanstack/react-router';
import { useState } from 'react';
import { unprocessed } from '@/api/entity';
import { useTitle } from '@/app/title';
import { AppLink } from '@/kit/AppLink';
import { SearchField } from '@/kit/kit';
import { ExplanationView } from './ExplanationView';
import { LeftOut } from './LeftOut';
import { NameAnswer } from './NameAnswer';
import { readQuestion } from './question';
import '@/pages/entity/entity.css';
import './why.css';

/** Why something is, or is not, in the catalog. The question stands in the address. */
export function WhyPage() {
  useTitle('Why is it not here?');
  const raw = useSearch({ strict: false }) as Record<string, string | undefined>;
  const navigate = useNavigate();
  const asked = raw.q ?? '';
  const question = readQuestion(asked);
  return (
    <div className="page why">
      <header className="page-head">
        <h1>Why is it not here?</h1>
        <AppLink className="btn" href="/catalog-unprocessed-entities">
          All problems
        </AppLink>
      </header>
      <p className="muted why-lead">
        Ask about an entity, a file or an address. You see where it comes from, what went wrong and
        what to do.
      </p>
      <Ask
        key={asked}
        initial={asked}
        onAsk={q => void navigate({ to: '/catalog/why', search: (q ? { q } : {}) as never })}
      />
      <div className="why-answer" aria-live="polite">
        {!question ? (
          <Everything />
        ) : question.sort === 'name' ? (
          <NameAnswer name={question.name} />
        ) : (
          <ExplanationView question={question} />
        )}
      </div>
    </div>
  );
}

/** Without a question: all that went wrong anywhere. */
function Everything() {
  const failed = useQuery(unprocessed('failed'));
  return <LeftOut failed={failed.data} />;
}

function Ask({ initial, onAsk }: { initial: string; onAsk: (text: string) => void }) {
  const [text, setText] = useState(initial);
  return (
    <form
      className="why-form"
      role="search"
      onSubmit={event => {
        event.preventDefault();
        onAsk(text.trim());
      }}
    >
      <SearchField
        label="Entity, file or address"
        placeholder="component:default/booking, /srv/catalog-info.yaml, https://…"
        value={text}
        onChange={next => {
          setText(next);
          if (next === '' && initial) onAsk('');
        }}
      />
      <button type="submit" className="btn btn-primary">
        Ask
      </button>
    </form>
  );
}
