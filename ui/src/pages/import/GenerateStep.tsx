import { useQuery } from '@tanstack/react-query';
import { useNavigate } from '@tanstack/react-router';
import { IconArrowRight, IconDownload } from '@tabler/icons-react';
import { useId, useMemo, useState } from 'react';
import { stringify } from 'yaml';
import { byQuery } from '@/api/catalog';
import type { Entity } from '@/api/types';
import { refOf, shortRef } from '@/catalog/ref';
import { CopyButton } from '@/kit/CopyButton';
import { Code } from '@/viewers/Code';
import { fileOf, nameProblem, readTarget, type Proposal } from './target';

interface GenerateStepProps {
  target: string;
  proposal: Entity | undefined;
}

const types = ['service', 'website', 'library', 'tool'];
const lifecycles = ['experimental', 'production', 'deprecated'];

/** A repository without a catalog file: make one, commit it, come back. */
export function GenerateStep({ target, proposal }: GenerateStepProps) {
  const [draft, setDraft] = useState<Proposal>({
    name: proposal?.metadata.name ?? '',
    description: proposal?.metadata.description ?? '',
    type: 'service',
    lifecycle: 'production',
    owner: '',
    annotations: proposal?.metadata.annotations ?? {},
  });
  const set = (change: Partial<Proposal>) => setDraft({ ...draft, ...change });
  const owners = useQuery(
    byQuery({
      body: {
        query: { kind: 'group' },
        fields: ['kind', 'metadata.name', 'metadata.namespace'],
        orderBy: [{ field: 'metadata.name', order: 'asc' }],
        limit: 500,
      },
    }),
  );
  const groups = owners.data?.items.map(item => shortRef(refOf(item), 'group')) ?? [];
  const text = useMemo(
    () => stringify(fileOf({ ...draft, owner: draft.owner || 'your-team' })),
    [draft],
  );
  const wrong = nameProblem(draft.name);
  return (
    <section className="panel generate" aria-label="A new catalog file">
      <h2>There is no catalog file yet</h2>
      <p className="muted">
        Fill in what is known, commit the file as <code>catalog-info.yaml</code> at the top of the
        repository, and register it.
      </p>
      <div className="generate-columns">
        <div className="generate-form">
          <Input label="Name" value={draft.name} problem={wrong} onChange={name => set({ name })} />
          <Input
            label="Description"
            value={draft.description}
            onChange={description => set({ description })}
          />
          <Input
            label="Owner"
            value={draft.owner}
            options={groups}
            problem={draft.owner ? undefined : 'The team that answers for it.'}
            onChange={owner => set({ owner })}
          />
          <Input label="Type" value={draft.type} options={types} onChange={type => set({ type })} />
          <Input
            label="Lifecycle"
            value={draft.lifecycle}
            options={lifecycles}
            onChange={lifecycle => set({ lifecycle })}
          />
        </div>
        <div className="generate-file">
          <Code text={text} language="yaml" label="catalog-info.yaml" />
          <div className="import-actions">
            <CopyButton text={text} what="the file" label="Copy" />
            <a
              className="btn"
              href={`data:application/yaml;charset=utf-8,${encodeURIComponent(text)}`}
              download="catalog-info.yaml"
            >
              <IconDownload size={15} stroke={1.7} aria-hidden />
              Download
            </a>
          </div>
        </div>
      </div>
      <Committed target={target} />
    </section>
  );
}

interface InputProps {
  label: string;
  value: string;
  options?: readonly string[];
  problem?: string;
  onChange: (value: string) => void;
}

function Input({ label, value, options, problem, onChange }: InputProps) {
  const id = useId();
  return (
    <div className="generate-field">
      <label htmlFor={id}>{label}</label>
      <input
        id={id}
        value={value}
        list={options && `${id}options`}
        autoComplete="off"
        aria-describedby={problem ? `${id}problem` : undefined}
        onChange={event => onChange(event.target.value)}
      />
      {options && (
        <datalist id={`${id}options`}>
          {options.map(option => (
            <option key={option} value={option} />
          ))}
        </datalist>
      )}
      {problem && <p id={`${id}problem`}>{problem}</p>}
    </div>
  );
}

/** The address of the file once it is committed, guessed from the repository's. */
function Committed({ target }: { target: string }) {
  const navigate = useNavigate();
  const base = target.replace(/\/+$/, '');
  const [text, setText] = useState(
    /\/(blob|tree|src|raw)\//.test(base)
      ? `${base.replace('/tree/', '/blob/')}/catalog-info.yaml`
      : /gitlab/.test(base)
        ? `${base}/-/blob/main/catalog-info.yaml`
        : `${base}/blob/main/catalog-info.yaml`,
  );
  const url = readTarget(text);
  return (
    <form
      className="import-form generate-next"
      onSubmit={event => {
        event.preventDefault();
        if (url) void navigate({ to: '/catalog-import', search: { url } as never });
      }}
    >
      <div className="generate-field">
        <label htmlFor="committed">Committed? Its address:</label>
        <input id="committed" value={text} onChange={event => setText(event.target.value)} />
      </div>
      <button type="submit" className="btn btn-primary" disabled={!url}>
        Look at it
        <IconArrowRight size={15} aria-hidden />
      </button>
    </form>
  );
}
