import { useNavigate, useSearch } from '@tanstack/react-router';
import { IconArrowRight, IconLink, IconLock } from '@tabler/icons-react';
import { useState } from 'react';
import { useCanRegister } from '@/app/nav';
import { useTitle } from '@/app/title';
import { AppLink } from '@/kit/AppLink';
import { Message } from '@/kit/kit';
import { AnalysisStep } from './AnalysisStep';
import { isFile, readTarget } from './target';
import { TrialStep } from './TrialStep';
import '@/pages/entity/entity.css';
import './import.css';

/** Registers what stands at an address: look, preview, register. The address holds the target. */
export function ImportPage() {
  useTitle('Register');
  const raw = useSearch({ strict: false }) as Record<string, string | undefined>;
  const navigate = useNavigate();
  const asked = raw.url ?? raw.target ?? '';
  const target = readTarget(asked);
  if (!useCanRegister()) return <MayNotRegister />;
  return (
    <div className="page import">
      <header className="page-head">
        <h1>Register a catalog file</h1>
      </header>
      <p className="import-lead">
        Paste the address of a <code>catalog-info.yaml</code> or of a repository. You see what it
        would bring before anything is stored.
      </p>
      <TargetForm
        key={asked}
        initial={asked}
        onSubmit={url => void navigate({ to: '/catalog-import', search: { url } as never })}
      />
      <div className="import-result" aria-live="polite">
        {!target ? (
          <Help />
        ) : isFile(target) ? (
          <TrialStep key={target} targets={[target]} />
        ) : (
          <AnalysisStep key={target} target={target} />
        )}
      </div>
    </div>
  );
}

function MayNotRegister() {
  return (
    <div className="page">
      <Message
        level={1}
        icon={IconLock}
        title="You may not register files"
        actions={
          <AppLink className="btn btn-primary" href="/catalog">
            Go to the catalog
          </AppLink>
        }
      >
        <p>
          The policy of this portal leaves that to others. Ask whoever runs it for the permission{' '}
          <code>catalog.location.create</code>, or to register your file.
        </p>
      </Message>
    </div>
  );
}

function TargetForm({ initial, onSubmit }: { initial: string; onSubmit: (url: string) => void }) {
  const [text, setText] = useState(initial);
  const [wrong, setWrong] = useState(initial !== '' && !readTarget(initial));
  const submit = (event: React.FormEvent) => {
    event.preventDefault();
    const target = readTarget(text);
    setWrong(!target);
    if (target) onSubmit(target);
  };
  return (
    <form className="import-form" onSubmit={submit} noValidate>
      <div className="field">
        <IconLink size={15} stroke={1.8} aria-hidden />
        <input
          type="url"
          aria-label="Address of a file or repository"
          placeholder="https://github.com/your-org/your-repo"
          value={text}
          autoComplete="off"
          spellCheck={false}
          aria-invalid={wrong || undefined}
          aria-describedby={wrong ? 'import-wrong' : undefined}
          // The page is about this one field.
          // eslint-disable-next-line jsx-a11y/no-autofocus
          autoFocus={!initial}
          onChange={event => setText(event.target.value)}
        />
      </div>
      <button type="submit" className="btn btn-primary">
        Look at it
        <IconArrowRight size={15} aria-hidden />
      </button>
      {wrong && (
        <p className="import-wrong" id="import-wrong" role="alert">
          This is no address of the web. It begins with https:// and names a file or a repository.
        </p>
      )}
    </form>
  );
}

function Help() {
  return (
    <dl className="import-help">
      <div>
        <dt>A file</dt>
        <dd>
          <code>https://github.com/harbour/booking/blob/main/catalog-info.yaml</code>
          <p>It is read as it is; a Location in it leads to further files.</p>
        </dd>
      </div>
      <div>
        <dt>A repository</dt>
        <dd>
          <code>https://github.com/harbour/booking</code>
          <p>Its catalog files are found. If there is none, you get one to commit.</p>
        </dd>
      </div>
      <div>
        <dt>Many at once</dt>
        <dd>
          <code>https://github.com/harbour/services/blob/main/**/catalog-info.yaml</code>
          <p>
            For whole organisations, a provider under <code>catalog.providers</code> in the
            configuration finds new repositories by itself.
          </p>
        </dd>
      </div>
    </dl>
  );
}
