import { useQuery } from '@tanstack/react-query';
import { IconAlertTriangle, IconShieldOff } from '@tabler/icons-react';
import { policyInForce, type PolicyInForce, type PolicyStatement } from '@/api/policy';
import { ago, moment } from '@/catalog/time';
import { ErrorMessage } from '@/kit/ErrorMessage';
import { Message } from '@/kit/kit';
import { ConditionTree, SourceLine } from './parts';

/** The policy as it decides now, and what is wrong with a newer one. */
export function InForceTab() {
  const query = useQuery(policyInForce());
  if (query.isError && !query.data) {
    return <ErrorMessage error={query.error} retry={() => void query.refetch()} />;
  }
  if (!query.data) return <div className="panel sk-live why-wait" />;
  return (
    <div className="why-answer policy-in-force">
      <Problem problem={query.data.problem} />
      <InForce data={query.data} />
    </div>
  );
}

function Problem({ problem }: { problem: PolicyInForce['problem'] }) {
  return (
    <div role="alert">
      {problem && (
        <div className="notice">
          <IconAlertTriangle size={17} stroke={1.7} aria-hidden />
          <div>
            <strong>The newest version was refused; the one below stays in force.</strong>
            <p className="verdict-text">{problem.message}</p>
            {problem.file && !problem.message.includes(problem.file) && (
              <p className="mono">
                {problem.file}
                {problem.line ? `:${problem.line}` : ''}
              </p>
            )}
            <p className="muted">Correct the file. It is read again as soon as it is saved.</p>
          </div>
        </div>
      )}
    </div>
  );
}

function InForce({ data }: { data: PolicyInForce }) {
  const { enabled, file, files, loadedAt, statements, default: otherwise = 'deny' } = data;
  const read = files?.length ? files : file ? [file] : [];
  if (!enabled) {
    return (
      <Message icon={IconShieldOff} title="Everybody may do everything">
        <p>
          No policy is in force. Set <code>permission.enabled</code> and name a policy under{' '}
          <code>permission.policy</code> in the configuration.
        </p>
      </Message>
    );
  }
  return (
    <section className="panel" aria-label="In force">
      <div className="panel-head">
        <h2>In force</h2>
        <span className="panel-count num">{statements.length}</span>
        <span className="panel-end muted policy-file">
          {read.map(name => (
            <span className="mono" key={name}>
              {name}
            </span>
          ))}
          {loadedAt && (
            <time dateTime={loadedAt} title={moment(loadedAt)}>
              read {ago(loadedAt)}
            </time>
          )}
        </span>
      </div>
      <ol className="statements">
        {statements.map((statement, at) => (
          <Statement key={at} at={at + 1} {...statement} />
        ))}
      </ol>
      <p className="panel-note policy-default">
        Where no statement decides: <strong>{otherwise}</strong>.
      </p>
    </section>
  );
}

function Statement({ at, source, text, effect, when }: PolicyStatement & { at: number }) {
  return (
    <li data-matched>
      <span className="statement-number num">{at}</span>
      <div>
        <p className="statement-text">
          <span className="effect" data-effect={effect}>
            {effect}
          </span>
          {source.statement && source.statement !== text ? source.statement : text}
        </p>
        {source.statement && source.statement !== text && <p className="muted">{text}</p>}
        {when && (
          <div className="statement-when">
            <span className="muted">when</span>
            <div>
              <ConditionTree condition={when} />
            </div>
          </div>
        )}
        <SourceLine source={source} />
      </div>
    </li>
  );
}
