import { useQuery } from '@tanstack/react-query';
import { IconArrowRight, IconCircle, IconCircleDashed } from '@tabler/icons-react';
import {
  explainPolicy,
  knownPermissions,
  type ExplainedStatement,
  type KnownPermission,
  type PolicyExplanation,
} from '@/api/policy';
import { ErrorMessage } from '@/kit/ErrorMessage';
import { Answer, ConditionTree, resultWord, SourceLine, VerdictTree } from './parts';
import type { TabProps } from './PolicyPage';
import { RefPicker } from './RefPicker';

/** Why somebody may do something: every statement in order, and the condition leaf by leaf. */
export function ExplainTab({ state, user, change }: TabProps) {
  const { entity, permission } = state;
  const known = useQuery(knownPermissions());
  const chosen = known.data?.find(({ name }) => name === permission);
  const needsEntity = chosen ? chosen.resourceType === 'catalog-entity' : true;
  const query = useQuery({
    ...explainPolicy({
      user,
      permission,
      resourceRef: needsEntity && entity ? entity : undefined,
    }),
    enabled: user !== '',
  });
  return (
    <>
      <div className="policy-ask policy-ask-3">
        <RefPicker
          label="User"
          placeholder="User"
          kind="user"
          value={user}
          onPick={ref => change({ user: ref })}
        />
        <PermissionSelect
          value={permission}
          known={known.data ?? []}
          onChange={name => change({ permission: name })}
        />
        {needsEntity && (
          <RefPicker
            label="Entity"
            placeholder="Any entity"
            value={entity}
            onPick={ref => change({ entity: ref })}
          />
        )}
      </div>
      {needsEntity && entity && (
        <button
          type="button"
          className="text-button policy-any"
          onClick={() => change({ entity: '' })}
        >
          Ask about any entity
        </button>
      )}
      <div className="why-answer" aria-live="polite">
        {query.isError ? (
          <ErrorMessage error={query.error} retry={() => void query.refetch()} />
        ) : query.data ? (
          <Explained data={query.data} />
        ) : (
          <div className="panel sk-live why-wait" />
        )}
      </div>
    </>
  );
}

interface PermissionSelectProps {
  value: string;
  known: readonly KnownPermission[];
  onChange: (name: string) => void;
}

function PermissionSelect({ value, known, onChange }: PermissionSelectProps) {
  const groups = new Map<string, KnownPermission[]>();
  for (const permission of known) {
    const plugin = permission.name.split('.')[0] ?? '';
    groups.set(plugin, [...(groups.get(plugin) ?? []), permission]);
  }
  return (
    <select
      className="select"
      aria-label="Permission"
      value={value}
      onChange={event => onChange(event.target.value)}
    >
      {!known.some(({ name }) => name === value) && <option>{value}</option>}
      {[...groups].map(([plugin, list]) => (
        <optgroup key={plugin} label={plugin}>
          {list.map(({ name }) => (
            <option key={name}>{name}</option>
          ))}
        </optgroup>
      ))}
    </select>
  );
}

function Explained({ data }: { data: PolicyExplanation }) {
  const { result, reason, source, statements, condition, verdicts, resourceRef } = data;
  const { name, action } = data.permission;
  return (
    <>
      <Answer
        result={result}
        title={`${resultWord(result)}: ${name}${action ? ` (${action})` : ''}`}
        reason={reason}
        source={source}
      />
      {verdicts ? (
        <section className="panel" aria-label="Condition">
          <div className="panel-head">
            <h2>The condition, for {resourceRef}</h2>
          </div>
          <div className="panel-tree">
            <VerdictTree verdict={verdicts} />
          </div>
        </section>
      ) : (
        condition && (
          <section className="panel" aria-label="Condition">
            <div className="panel-head">
              <h2>The condition</h2>
            </div>
            <div className="panel-tree">
              <ConditionTree condition={condition} />
            </div>
          </section>
        )
      )}
      {statements.length > 0 && (
        <section className="panel" aria-label="Statements">
          <div className="panel-head">
            <h2>Statements, in order</h2>
            <span className="panel-count num">{statements.length}</span>
          </div>
          <ol className="statements">
            {statements.map((statement, at) => (
              <Statement key={at} {...statement} />
            ))}
          </ol>
        </section>
      )}
    </>
  );
}

function Statement({ source, matched, decided, why, without, holds }: ExplainedStatement) {
  const Glyph = decided ? IconArrowRight : matched ? IconCircle : IconCircleDashed;
  return (
    <li data-decided={decided || undefined} data-matched={matched || undefined}>
      <Glyph size={16} stroke={1.9} aria-hidden />
      <div>
        <p className="statement-text">
          {source.statement || 'Statement'}
          {decided && <span className="statement-mark">decided</span>}
        </p>
        <p className="muted">
          {matched ? '' : 'Passed over: '}
          {why}
          {holds !== undefined &&
            (holds ? '; its condition holds' : '; its condition does not hold')}
          {without && `; without it: ${resultWord(without).toLowerCase()}`}
        </p>
        <SourceLine source={source} />
      </div>
    </li>
  );
}
