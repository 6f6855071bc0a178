import { useQuery } from '@tanstack/react-query';
import { useNavigate, useSearch } from '@tanstack/react-router';
import { IconEqual } from '@tabler/icons-react';
import { useMemo, useSyncExternalStore } from 'react';
import { diffOf, type Diff, type Version } from '@/api/entity';
import type { Ref } from '@/catalog/ref';
import { ErrorMessage } from '@/kit/ErrorMessage';
import { Message, Segmented } from '@/kit/kit';
import { readablePath, readUnified, sideBySide, type DiffLine } from './diff';

interface DiffViewProps {
  entityRef: Ref;
  versions: readonly Version[];
  from: number | undefined;
  to: number;
}

/** What changed between two versions: as fields or as text. */
export function DiffView({ entityRef, versions, from, to }: DiffViewProps) {
  const raw = useSearch({ strict: false }) as Record<string, string | undefined>;
  const navigate = useNavigate();
  const set = (change: Record<string, string | undefined>) =>
    void navigate({
      to: '.',
      search: { ...raw, ...change } as never,
      replace: true,
      resetScroll: false,
    });
  const query = useQuery({
    ...diffOf(entityRef, from, to),
    placeholderData: before => before,
  });
  const diff = query.data;
  const before = from ?? diff?.from.version ?? 0;
  // A whole entity reads better as a text than as a list of fields.
  const usual = diff && (!diff.from.version || diff.to.op === 'delete') ? 'text' : 'fields';
  const view = raw.view === 'text' || raw.view === 'fields' ? raw.view : usual;
  return (
    <section className="diff" aria-label="Difference">
      <div className="diff-head">
        <VersionSelect
          label="From"
          value={before}
          versions={versions}
          nothing={versions[versions.length - 1]?.version === 1}
          onChange={value => set({ from: value ? String(value) : undefined, to: String(to) })}
        />
        <VersionSelect
          label="to"
          value={to}
          versions={versions}
          onChange={value => set({ to: String(value) })}
        />
        <Segmented
          label="Shown as"
          value={view}
          options={[
            { value: 'fields', label: 'Fields' },
            { value: 'text', label: 'Text' },
          ]}
          onChange={value => set({ view: value })}
        />
      </div>
      {query.isError && !diff ? (
        <ErrorMessage error={query.error} retry={() => void query.refetch()} />
      ) : !diff ? (
        <div className="diff-body" />
      ) : diff.changes.length === 0 ? (
        <Message icon={IconEqual} title="These versions are the same">
          <p>
            Nothing differs between version {before} and version {to}.
          </p>
        </Message>
      ) : view === 'text' ? (
        <TextDiff text={diff.text} />
      ) : (
        <FieldDiff changes={diff.changes} />
      )}
    </section>
  );
}

interface VersionSelectProps {
  label: string;
  value: number;
  versions: readonly Version[];
  nothing?: boolean;
  onChange: (version: number) => void;
}

function VersionSelect({ label, value, versions, nothing, onChange }: VersionSelectProps) {
  const known = versions.some(({ version }) => version === value);
  return (
    <label>
      {label}
      <select
        className="select num"
        value={value}
        onChange={event => onChange(Number(event.target.value))}
      >
        {!known && value > 0 && <option value={value}>v{value}</option>}
        {versions.map(({ version }) => (
          <option key={version} value={version}>
            v{version}
          </option>
        ))}
        {nothing && <option value={0}>nothing</option>}
      </select>
    </label>
  );
}

function show(value: unknown): string {
  if (typeof value === 'string') return value;
  return JSON.stringify(value, null, 2) ?? '';
}

const verbs = { add: 'added', remove: 'removed', replace: 'changed' };

function FieldDiff({ changes }: { changes: Diff['changes'] }) {
  return (
    <ul className="field-diff">
      {changes.map(({ op, path, old, new: now }) => (
        <li key={path + op}>
          <p className="field-path">
            <span className="mono">{readablePath(path) || 'everything'}</span>
            <span className="field-op" data-op={op}>
              {verbs[op]}
            </span>
          </p>
          <div className="field-values">
            {op !== 'add' && <FieldValue sort="remove" value={old} />}
            {op !== 'remove' && <FieldValue sort="add" value={now} />}
          </div>
        </li>
      ))}
    </ul>
  );
}

function FieldValue({ sort, value }: { sort: 'add' | 'remove'; value: unknown }) {
  return (
    // A long value scrolls, which must be possible by keyboard.
    // eslint-disable-next-line jsx-a11y/no-noninteractive-tabindex
    <pre className="field-value" data-sort={sort} tabIndex={0}>
      {show(value)}
    </pre>
  );
}

const wide = matchMedia('(min-width: 1180px)');
const watchWidth = (tell: () => void) => {
  wide.addEventListener('change', tell);
  return () => wide.removeEventListener('change', tell);
};

function TextDiff({ text }: { text: string }) {
  const beside = useSyncExternalStore(watchWidth, () => wide.matches);
  const lines = useMemo(() => readUnified(text), [text]);
  const whole =
    lines.every(({ sort }) => sort === 'add') || lines.every(({ sort }) => sort === 'remove');
  return (
    // The scrolling region must be reachable by keyboard.
    // eslint-disable-next-line jsx-a11y/no-noninteractive-tabindex
    <div className="text-diff" role="region" aria-label="Text of both versions" tabIndex={0}>
      <table>
        <tbody>
          {beside && !whole
            ? sideBySide(lines).map(([left, right], at) => (
                <tr key={at} data-gap={left?.sort === 'gap' || undefined}>
                  <Half line={left} number={left?.before} />
                  <Half line={right} number={right?.after} />
                </tr>
              ))
            : lines.map((line, at) => (
                <tr key={at} data-gap={line.sort === 'gap' || undefined}>
                  <Half line={line} number={line.after ?? line.before} />
                </tr>
              ))}
        </tbody>
      </table>
    </div>
  );
}

const signs: Record<DiffLine['sort'], string> = { add: '+', remove: '−', same: ' ', gap: '⋯' };

function Half({ line, number }: { line: DiffLine | undefined; number: number | undefined }) {
  return (
    <>
      <td className="diff-number num">{line?.sort === 'gap' ? '' : number}</td>
      <td className="diff-line" data-sort={line?.sort ?? 'none'}>
        {line && (
          <>
            <span className="diff-sign">{signs[line.sort]}</span>
            {line.text}
          </>
        )}
      </td>
    </>
  );
}
